"""A silent misconfiguration is a sentence at start."""

from datetime import UTC, datetime, timedelta

import pytest
from celery import Celery
from django.core.checks import CheckMessage
from django.db import connection

from outbox import checks, schedule, sql
from outbox.checks.queues import unrouted
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


CALL = "celery_settings() of `outbox.schedule`, or of `sagas.schedule` where there are sagas"


def told(found: list[CheckMessage]) -> list[tuple[str | None, str, str | None]]:
    return [(one.id, one.msg, one.hint) for one in found]


@pytest.mark.parametrize(
    ("url", "options", "expected"),
    [
        (
            "redis://localhost",
            {},
            (
                "outbox.W026",
                "No visibility_timeout is set: what a killed worker had in hand comes back after 3600 s.",
                f"Set it in CELERY_BROKER_TRANSPORT_OPTIONS, above the longest task; {CALL}, says 180 s.",
            ),
        ),
        (
            "amqp://localhost",
            {},
            (
                "outbox.W027",
                "RabbitMQ is not asked to confirm: what it could not take is lost without a word.",
                f'Set "confirm_publish": True in CELERY_BROKER_TRANSPORT_OPTIONS; {CALL}, does.',
            ),
        ),
    ],
)
def test_a_broker_without_what_its_kind_needs_is_told(settings, url, options, expected):
    settings.CELERY_BROKER_URL, settings.CELERY_BROKER_TRANSPORT_OPTIONS = url, options
    assert told(checks.check_broker()) == [expected]
    settings.CELERY_BROKER_TRANSPORT_OPTIONS = schedule.options_of(url)
    assert checks.check_broker() == []


def test_a_broker_of_a_kind_that_is_not_known_is_left_alone(settings):
    settings.CELERY_BROKER_URL, settings.CELERY_BROKER_TRANSPORT_OPTIONS = "sqs://", {}
    assert checks.check_broker() == []


def test_a_process_without_the_projects_celery_app_is_told(settings):
    assert checks.check_celery() == []
    text = "This process has no Celery app: nothing that it sends reaches the project's broker."
    hint = "Make one in celery.py beside settings.py, and import it in the __init__.py there."
    with Celery("default", set_as_current=False) as nobodys:
        assert told(checks.check_celery(nobodys)) == [("outbox.E024", text, hint)]


def test_a_project_that_names_no_broker_is_told(settings):
    settings.CELERY_BROKER_URL = ""
    with Celery("project", set_as_current=False) as app:
        (problem,) = checks.check_celery(app)
        assert problem.id == "outbox.E025"
        assert problem.hint == f"Set CELERY_BROKER_URL; {CALL}, takes it."
        app.conf.update(broker_url="redis://localhost")
        assert checks.check_celery(app) == []


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ({}, "a.one, a.two have no route: they wait in the queue celery, behind your own tasks."),
        ({"a.one": {"queue": "celery"}}, "a.two has no route: it waits in the queue celery, behind your own tasks."),
        ({"a.*": {"queue": "celery"}}, ""),
        ([[("a.one", "x"), ("a.two", "y")]], ""),
    ],
)
def test_tasks_without_a_route_are_told(routes, expected):
    with Celery("project", set_as_current=False) as app:
        app.conf.task_routes = routes
        assert [one.msg for one in unrouted(["a.two", "a.one"], app)] == [expected] * bool(expected)
    assert checks.check_routes() == []


def test_who_does_without_the_middleware_knows(settings):
    assert checks.check_middleware() == []
    settings.MIDDLEWARE = []
    hint = 'Put "outbox.middleware.TraceMiddleware" first in MIDDLEWARE.'
    text = "Requests have no id of ours: what a message was caused by cannot be followed back to one."
    assert told(checks.check_middleware()) == [("outbox.I029", text, hint)]
    settings.ROOT_URLCONF = None
    assert checks.check_middleware() == []


def test_parameters_that_the_server_binds_are_refused(monkeypatch):
    assert checks.check_binding() == []
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"server_side_binding": True})
    (problem,) = checks.check_binding()
    assert (problem.id, problem.hint) == ("outbox.E030", "Take server_side_binding out of its OPTIONS.")


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("rediss://away:6380/1", schedule.REDIS_OPTIONS),
        ("amqps://away//", schedule.RABBITMQ_OPTIONS),
        ("sqs://", {}),
    ],
)
def test_one_call_sets_all_and_takes_in_what_the_project_has(url, options):
    given = schedule.celery_settings(
        url,
        schedule={"mine": schedule.row("mine", 60), "every-hour-prune-the-outbox": schedule.row("outbox.prune", 60)},
        routes={"mine": {"queue": "own"}, "outbox.relay": {"queue": "own"}},
        broker_options={"visibility_timeout": 600},
    )
    assert given["CELERY_BROKER_URL"] == url
    assert given["CELERY_BROKER_TRANSPORT_OPTIONS"] == {**options, "visibility_timeout": 600}
    assert given["CELERY_BEAT_SCHEDULE"].keys() == {*schedule.SCHEDULE, "mine"}
    assert given["CELERY_BEAT_SCHEDULE"]["every-hour-prune-the-outbox"]["schedule"] == 60
    assert given["CELERY_TASK_ROUTES"] == {
        **schedule.ROUTES,
        "mine": {"queue": "own"},
        "outbox.relay": {"queue": "own"},
    }
