"""Status says how each destination stands, and what is wrong in words; the exit code is for alarms."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.db.models import F
from django.db.models.functions import Now

from outbox.ids import uuid7
from outbox.models import DeadLetter, Delivery, Hold, OutboxMessage, RelayProcess
from outbox.monitoring import destination_status, health
from tests.support.outbox.failing import Refusing, held
from tests.support.outbox.relaying import Away, relay_to

pytestmark = pytest.mark.django_db(transaction=True)


def grow_older(by: timedelta) -> None:
    OutboxMessage.objects.update(created_at=F("created_at") - by)


def a_relay_lives() -> None:
    RelayProcess.objects.create(owner="host:1:a", destinations=["tasks"], seen_at=Now())


def status(*options: str) -> tuple[int, str, str]:
    """Its exit code, what it prints, and what it says on stderr."""
    out, err = StringIO(), StringIO()
    try:
        call_command("outbox", "status", *options, stdout=out, stderr=err)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_all_is_well_when_nothing_waits():
    code, out, err = status()
    assert (code, err) == (0, "")
    assert "tasks                order key, nothing waits, 0 unpublished" in out


def test_a_message_that_waits_too_long_says_by_how_much_and_why(commit):
    commit("a")
    grow_older(timedelta(minutes=5))
    a_relay_lives()
    code, _, err = status()
    assert code == 1
    assert "tasks: A message has waited 300." in err
    assert "at most 60 s is healthy. Its relays live but are too slow: start more of them." in err
    assert status("--max-age=900")[0] == 0


def test_each_destination_says_what_age_is_healthy(commit, settings):
    settings.OUTBOX_DESTINATIONS = {"tasks": {"transport": "outbox.transports.celery.CeleryTransport", "max_age": 900}}
    commit("a")
    a_relay_lives()
    grow_older(timedelta(minutes=5))
    assert status()[0] == 0


def test_messages_without_a_living_relay_are_an_alarm_before_they_are_old(commit):
    commit("a")
    grow_older(timedelta(seconds=10))
    _, _, err = status()
    assert "tasks: no relay lives, and 1 message waits. Have beat run the task outbox.relay each second" in err
    a_relay_lives()
    assert status()[0] == 0
    RelayProcess.objects.update(seen_at=Now() - timedelta(minutes=1))
    assert status()[0] == 1, "one that is silent for longer than its lease has died"


def test_messages_to_a_destination_that_no_setting_names_are_an_alarm(commit):
    commit("a", "b")
    OutboxMessage.objects.update(destination="partners")
    _, out, err = status()
    assert "2 messages wait for partners, a destination that OUTBOX_DESTINATIONS does not name" in err
    assert "partners             NOT CONFIGURED" in out


def test_a_broker_that_is_away_is_said_with_its_error_until_it_is_back(commit):
    commit("a")
    relay = relay_to(Away())
    relay.drain()
    with relay._on_duty():
        relay._renew()
        relay.destination_relays[0]._closed_until = 0
        relay._drain()
        (now,) = destination_status.read_statuses()
        assert now.outage is not None
        assert now.outage.outage == "ConnectionError: away"
        grow_older(timedelta(minutes=5))
        assert "Its broker has been away for" in status()[2]
        object.__setattr__(relay.destination_relays[0].destination, "transport", Refusing())
        relay.destination_relays[0]._closed_until = 0
        relay._drain()
        (now,) = destination_status.read_statuses()
        assert now.outage is None


def test_dead_letters_that_name_no_destination_are_counted_and_are_an_alarm(admin_client):
    DeadLetter.objects.create(
        message_id=uuid7(), type="x.y", version=1, payload="{}", headers="{}", attempts=3, error_class="E", error="no"
    )
    assert health.status().dead == 1
    code, out, err = status()
    assert code == 1
    assert "(no destination)     1 dead letters" in out
    assert "Without a destination 1 message was given up" in err
    page = admin_client.get("/admin/outbox/deadletter/").content.decode()
    assert "<span>no destination</span>" in page


def test_a_key_that_waits_for_a_person_is_an_alarm_and_one_that_is_retried_is_none(commit):
    commit("a")
    held(Refusing("item:a"))
    a_relay_lives()
    assert status()[0] == 0
    for model in (RelayProcess, Hold):
        model.objects.all().delete()
    OutboxMessage.objects.update(attempts=7)
    relay_to(Refusing("item:a"), order="strict").drain()
    assert "tasks: 1 key waits for a person" in status()[2]


def test_a_dead_letter_is_an_alarm():
    DeadLetter.objects.create(
        message_id=uuid7(), type="t", version=1, payload="{}", headers="{}", attempts=8, destination="tasks"
    )
    assert "tasks: 1 message was given up: look at the dead letters" in status()[2]


def test_a_consumer_of_another_services_stream_is_no_destination_that_is_missing():
    DeadLetter.objects.create(
        message_id=uuid7(), type="t", version=1, payload="{}", headers="{}", attempts=8, destination="orders/billing"
    )
    _, out, err = status()
    assert "orders/billing       a consumer's, 1 dead letters" in out
    assert "OUTBOX_DESTINATIONS" not in err


def waiting(destination: str, position: int, due_in: timedelta) -> None:
    """A delivery of the key `sku:1`."""
    where = {"destination": destination, "day": "2026-01-01", "subscriber": "s", "key": "sku:1"}
    Delivery.objects.create(message_id=uuid7(), position=position, due_at=Now() + due_in, **where)


def test_deliveries_that_nobody_tries_again_are_an_alarm():
    waiting("orders/billing", 1, timedelta(0))
    assert status()[0] == 0, "its turn has just come"
    Delivery.objects.update(due_at=Now() - timedelta(minutes=2))
    told = "orders/billing: 1 delivery is overdue, the first for 2 min"
    assert told in status()[2]
    assert "Does its `manage.py consume` run?" in status()[2]
    assert any(told in stall for stall in health.stalls())
    Delivery.objects.update(destination="tasks")
    assert "tasks: 1 delivery is overdue, the first for 2 min" in status()[2]


def test_a_message_that_fails_again_and_again_makes_those_behind_it_nobodys_fault(client):
    """They wait, in order, for one that waits for its next try: no process is to be restarted for that."""
    waiting("warehouse.events/shop", 1, timedelta(minutes=3))
    for position in range(2, 7):
        waiting("warehouse.events/shop", position, -timedelta(hours=1))
    assert health.stalls() == []
    assert client.get("/healthz").status_code == 200


def test_when_the_database_is_away_it_exits_with_2(monkeypatch):
    def away(*_: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("outbox.monitoring.destination_status.sql.unpublished_ages", away)
    code, _, err = status()
    assert code == 2
    assert "The database does not answer, so the status is unknown: connection refused" in err


def test_as_json_it_gives_figures_and_alarms(commit):
    commit("a")
    grow_older(timedelta(minutes=5))
    code, out, _ = status("--json")
    told = json.loads(out)
    assert code == 1
    assert told["destinations"]["tasks"]["unpublished"] == 1
    assert told["destinations"]["tasks"]["oldest_unpublished_seconds"] == pytest.approx(300, abs=5)
    assert len(told["alarms"]) == 2


def test_a_stall_is_of_age_and_relays_not_of_dead_letters(commit):
    DeadLetter.objects.create(message_id=uuid7(), type="t", version=1, payload="{}", headers="{}", attempts=8)
    assert health.stalls() == []
    commit("a")
    grow_older(timedelta(minutes=5))
    assert len(health.stalls()) == 2


def test_healthz_fails_when_messages_do_not_move_and_only_then(client, commit):
    commit("a")
    a_relay_lives()
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["outbox"]["ok"]) == (200, True)
    grow_older(timedelta(minutes=5))
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["outbox"]["stalled"] == ["tasks"]
    assert answer.json()["outbox"]["oldest_unpublished_seconds"] == pytest.approx(300, abs=5)
