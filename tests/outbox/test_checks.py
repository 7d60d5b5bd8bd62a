"""A silent misconfiguration is a sentence at start."""

import pytest

from outbox.checks import check_outbox


def ids() -> list[str]:
    return [str(found.id) for found in check_outbox()]


def hints() -> str:
    return " ".join(str(found.hint) for found in check_outbox())


def test_the_project_as_it_is_passes():
    assert ids() == []


@pytest.mark.parametrize(
    ("name", "value", "found", "hint"),
    [
        ("OUTBOX_BATCH", 0, "outbox.E001", "Set OUTBOX_BATCH to 1 or more"),
        ("OUTBOX_REDELIVER_AFTER", 0, "outbox.E001", "above zero"),
        (
            "OUTBOX_LEASE",
            1,
            "outbox.E002",
            "Set OUTBOX_LEASE above OUTBOX_RELAY_STAY and above the broker's socket_timeout",
        ),
        ("OUTBOX_RELAY_STAY", 60, "outbox.E002", "Set OUTBOX_LEASE above OUTBOX_RELAY_STAY"),
        ("OUTBOX_KEEP_PUBLISHED", 10, "outbox.E003", "Set OUTBOX_KEEP_PUBLISHED well above OUTBOX_REDELIVER_AFTER"),
        ("OUTBOX_REDIS_URL", "amqp://elsewhere", "outbox.W001", "Set OUTBOX_REDIS_URL to a redis:// address"),
        ("CELERY_BROKER_TRANSPORT_OPTIONS", {"retry_on_timeout": True}, "outbox.W002", "Remove it"),
        ("CELERY_BEAT_SCHEDULE", {}, "outbox.W003", "add it to CELERY_BEAT_SCHEDULE"),
    ],
)
def test_what_is_set_wrong_says_how_to_mend_it(settings, name, value, found, hint):
    setattr(settings, name, value)
    assert ids() == [found]
    assert hint in hints()
