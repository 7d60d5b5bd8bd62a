"""History is pruned without breaking the inbox; status and health tell how the outbox stands."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F

from outbox import health, inbox, publish, sql
from outbox.ids import uuid7
from outbox.models import DeadLetter, Delivery, InboxEntry, OutboxMessage, PublishedMessage
from outbox.prune import prune
from outbox.relay import Relay
from outbox.testing import drain, published
from outbox.transports.memory import MemoryTransport

from .hostapp.events import ItemCounted
from .hostapp.models import Effect
from .hostapp.subscribers import FIRST, SECOND

pytestmark = pytest.mark.django_db(transaction=True)
MONTH = timedelta(days=30)


def grow_old() -> None:
    OutboxMessage.objects.update(created_at=F("created_at") - MONTH)
    PublishedMessage.objects.update(published_at=F("published_at") - MONTH)
    InboxEntry.objects.update(handled_at=F("handled_at") - MONTH)
    DeadLetter.objects.update(died_at=F("died_at") - MONTH)


def test_what_is_old_and_settled_is_pruned_and_what_is_young_is_kept(commit):
    commit("old")
    drain()
    grow_old()
    commit("young")
    drain()
    assert prune() == (1, 2)
    assert PublishedMessage.objects.get().key == "item:young"
    assert InboxEntry.objects.count() == 2


def test_what_a_subscriber_still_waits_for_is_kept_with_its_inbox(commit):
    commit("a")
    transport = MemoryTransport()
    Relay(transport).drain()
    inbox.deliver(FIRST, transport.sent[0].envelope)
    grow_old()
    assert prune() == (0, 0)
    assert Delivery.objects.get().subscriber == SECOND


def test_an_inbox_entry_outlives_whatever_could_be_delivered_again(commit):
    commit("unmarked")  # published and handled, and the relay died before its mark
    inbox.deliver(FIRST, sql.fetch(1)[0].envelope)
    grow_old()
    assert prune() == (0, 0)


def test_unpublished_messages_and_dead_letters_are_never_pruned(commit):
    commit("a")
    sql.bury_delivery(sql.fetch(1)[0].envelope, FIRST, 3, ("Boom", "text", "trail"))
    grow_old()
    prune()
    assert OutboxMessage.objects.count() == 1
    assert DeadLetter.objects.count() == 1


def test_drain_runs_the_subscribers_without_a_broker(commit):
    commit("a", "b")
    drain()
    assert Effect.objects.count() == 4
    assert not Delivery.objects.exists()


def test_drain_raises_what_a_subscriber_raises(commit):
    commit("a", behaviour="fail")
    with pytest.raises(RuntimeError, match="the handler fails"):
        drain()
    assert Delivery.objects.get(subscriber=FIRST).attempts == 1


def test_published_gives_back_the_events(commit):
    commit("a", "b")
    drain()
    commit("c")
    assert published(ItemCounted) == [ItemCounted("a"), ItemCounted("b"), ItemCounted("c")]
    assert published(ItemCounted, key="item:b") == [ItemCounted("b")]


def test_the_oldest_age_is_that_of_the_first_message(commit):
    assert health.oldest_unpublished_age() is None
    commit("a")
    OutboxMessage.objects.update(created_at=F("created_at") - timedelta(minutes=5))
    commit("b")
    age = health.oldest_unpublished_age()
    assert age is not None
    assert timedelta(minutes=5) <= age < timedelta(minutes=6)


def test_status_prints_how_it_stands_and_exits_0_when_healthy(commit):
    commit("a")
    out = StringIO()
    call_command("outbox", "status", stdout=out)
    lines = dict(line.rsplit("  ", 1) for line in out.getvalue().splitlines())
    assert {name.strip(): value.strip() for name, value in lines.items()} | {"oldest unpublished": "0.0 s"} == {
        "oldest unpublished": "0.0 s",
        "unpublished": "1",
        "overdue deliveries": "0",
        "dead letters": "0",
    }


def test_status_exits_1_when_a_message_waits_too_long(commit):
    commit("a")
    OutboxMessage.objects.update(created_at=F("created_at") - timedelta(minutes=5))
    err = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("outbox", "status", stdout=StringIO(), stderr=err)
    assert ended.value.code == 1
    assert "A message has waited 300" in err.getvalue()
    call_command("outbox", "status", "--max-age=900", stdout=StringIO())


def test_status_never_counts_beyond_a_thousand():
    with transaction.atomic():
        for number in range(1001):
            publish(ItemCounted(str(number)))
    out = StringIO()
    call_command("outbox", "status", stdout=out)
    assert "1000+" in out.getvalue()


def test_the_busy_tables_are_vacuumed_by_count():
    with connection.cursor() as cursor:
        like = "relname LIKE 'outbox%' AND relkind = 'r'"
        cursor.execute(f"SELECT relname, array_to_string(reloptions, ' ') FROM pg_class WHERE {like}")
        options = dict(cursor.fetchall())
    for table in ("outbox_message", "outbox_delivery"):
        assert "autovacuum_vacuum_scale_factor=0" in options[table]
    assert options["outbox_lease"] == "fillfactor=50"


def test_a_dead_letter_of_the_same_message_and_subscriber_exists_once(commit):
    commit("a")
    envelope = sql.fetch(1)[0].envelope
    for _ in range(2):
        sql.bury_delivery(envelope, FIRST, 3, ("Boom", "text", "trail"))
    assert DeadLetter.objects.count() == 1
    assert uuid7() > envelope.id


def test_status_exits_1_when_a_message_was_given_up():
    DeadLetter.objects.create(message_id=uuid7(), type="host.gone", version=1, payload="{}", headers="{}", attempts=8)
    err = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("outbox", "status", stdout=StringIO(), stderr=err)
    assert ended.value.code == 1
    assert "look at the dead letters" in err.getvalue()
