"""A silent misconfiguration is a sentence at start."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.checks import CheckMessage
from django.db import connection

from outbox import checks, sql
from outbox.maintenance.prune import prune
from outbox.models import OutboxMessage

TASKS = {"transport": "outbox.transports.celery.CeleryTransport"}
OTHERS = {"transport": "outbox.transports.memory.MemoryTransport"}
RELAY = {"relay": {"task": "outbox.relay", "schedule": 1}}
PRUNE = {"prune": {"task": "outbox.prune", "schedule": 3600}}
CHECKS = (checks.check_destinations, checks.check_subscribers, checks.check_running, checks.check_timing)


def found() -> list[CheckMessage]:
    return [problem for check in CHECKS for problem in check()]


def ids() -> list[str]:
    return [str(one.id) for one in found()]


def test_the_project_as_it_is_passes():
    assert ids() == []


@pytest.mark.parametrize(
    ("name", "value", "expected", "hint"),
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
        ("CELERY_BROKER_TRANSPORT_OPTIONS", {"socket_connect_timeout": 20}, "outbox.E002", "socket_connect_timeout"),
        ("OUTBOX_KEEP_PUBLISHED", 10, "outbox.E003", "Set OUTBOX_KEEP_PUBLISHED well above OUTBOX_REDELIVER_AFTER"),
        ("OUTBOX_REDIS_URL", "amqp://elsewhere", "outbox.W001", "Set OUTBOX_REDIS_URL to a redis:// address"),
        ("CELERY_BROKER_TRANSPORT_OPTIONS", {"retry_on_timeout": True}, "outbox.W002", "Remove it"),
        ("CELERY_BROKER_TRANSPORT_OPTIONS", {"visibility_timeout": 30}, "outbox.W006", "Raise visibility_timeout"),
        ("CELERY_BEAT_SCHEDULE", PRUNE, "outbox.W003", "add it to CELERY_BEAT_SCHEDULE. Or run `manage.py relay`"),
        ("CELERY_BEAT_SCHEDULE", RELAY, "outbox.W005", "Have beat run the task outbox.prune each hour"),
        ("OUTBOX_RELAY", "cron", "outbox.E006", 'Say "beat"'),
        ("OUTBOX_DESTINATIONS", {}, "outbox.E004", "Correct OUTBOX_DESTINATIONS"),
        ("OUTBOX_DESTINATIONS", {"tasks": TASKS, "others": OTHERS}, "outbox.W004", '"events": ["shop.*"]'),
    ],
)
def test_what_is_set_wrong_says_how_to_mend_it(settings, name, value, expected, hint):
    setattr(settings, name, value)
    assert ids() == [expected]
    assert hint in str(found()[0].hint)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "The destination tasks has no `transport`"),
        ({"transport": "nowhere.Transport"}, "The transport of the destination tasks cannot be made"),
        ({**TASKS, "options": {"stream": "x"}}, "The transport of the destination tasks cannot be made"),
        ({**TASKS, "order": "loose"}, "`order` is one of none, key, strict"),
        ({**TASKS, "evnts": []}, "Known are order, keep, events, max_age, options"),
    ],
)
def test_a_destination_that_cannot_be_made_says_why(settings, options, words):
    settings.OUTBOX_DESTINATIONS = {"tasks": options}
    (problem,) = found()
    assert problem.id == "outbox.E004"
    assert words in problem.msg


def test_an_event_that_goes_nowhere_is_named(settings):
    settings.OUTBOX_DESTINATIONS = {"tasks": {**TASKS, "events": ["host.*", "orders.*"]}}
    problems = {problem.msg for problem in found() if problem.id == "outbox.E005"}  # others' events too, in a full run
    assert any("sagas.run_ready goes nowhere" in text for text in problems)
    assert not any(text.startswith(("host.", "orders.")) for text in problems)


def test_who_takes_everything_on_purpose_or_names_what_it_takes_is_not_warned_of(settings):
    for events in (["*"], ["orders.*"]):
        settings.OUTBOX_DESTINATIONS = {"tasks": TASKS, "others": {**OTHERS, "events": events}}
        assert ids() == []


def test_who_runs_the_relay_by_command_needs_no_beat_for_it(settings):
    settings.CELERY_BEAT_SCHEDULE, settings.OUTBOX_RELAY = PRUNE, "command"
    assert ids() == []


@pytest.mark.parametrize("limit", ["time_limit", "soft_time_limit"])
def test_a_time_limit_that_would_stop_the_relay_is_refused(monkeypatch, limit):
    from outbox.tasks import relay

    monkeypatch.setattr(relay, limit, 60)
    (problem,) = found()
    assert problem.id == "outbox.E007"
    assert "works for up to 60 s, and would be stopped after 60 s" in problem.msg
    monkeypatch.setattr(relay, limit, 61)
    assert ids() == []


def of_the_tables() -> list[str]:
    return [str(one.id) for one in checks.check_tables(databases=["default"])]


@pytest.mark.django_db(transaction=True)
def test_the_tables_as_they_are_migrated_pass_and_are_looked_at_only_when_asked_for():
    prune()
    assert of_the_tables() == []
    assert checks.check_tables(databases=None) == []


@pytest.mark.django_db(transaction=True)
def test_a_day_without_partitions_is_told_before_it_comes():
    prune()
    sql.drop_partition("outbox_inbox", datetime.now(UTC).date() + timedelta(days=1))
    assert of_the_tables() == ["outbox.W011"]
    prune()
    assert of_the_tables() == []


@pytest.mark.django_db
def test_a_queue_that_is_vacuumed_by_share_is_told():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE outbox_delivery RESET (autovacuum_vacuum_scale_factor)")
    assert "outbox.W012" in of_the_tables()


@pytest.mark.django_db(transaction=True)
def test_messages_to_a_destination_that_was_removed_are_told(commit):
    commit("a")
    OutboxMessage.objects.update(destination="partners")
    problems = checks.check_tables(databases=["default"])
    assert [one.id for one in problems] == ["outbox.W013"]
    assert "Messages wait for partners" in problems[0].msg
