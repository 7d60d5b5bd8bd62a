"""An event is written if and only if its transaction commits."""

from dataclasses import dataclass

import pytest
from django.db import transaction

from outbox import NotInTransaction, OutboxDeclarationError, doorbell, publish
from outbox.ids import uuid7
from outbox.messages import trace
from outbox.models import OutboxMessage
from tests.support.hostapp.events import ItemCounted

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_committed_event_is_one_row():
    with trace.use(trace.start("req-1")) as current, transaction.atomic():
        message_id = publish(ItemCounted("a"), key="item:a")
    row = OutboxMessage.objects.get()
    assert (row.message_id, row.type, row.version, row.key) == (message_id, "host.item_counted", 2, "item:a")
    assert row.payload == '{"name":"a","behaviour":"succeed","price":"1.50"}'
    assert current.trace_id in row.headers
    assert "req-1" in row.headers


def test_a_rolled_back_event_leaves_nothing():
    with transaction.atomic():
        publish(ItemCounted("a"))
        transaction.set_rollback(True)
    assert not OutboxMessage.objects.exists()


def test_publish_outside_a_transaction_is_refused_with_how_to_mend_it():
    with pytest.raises(NotInTransaction, match=r"publish\(ItemCounted\) outside a transaction: wrap it"):
        publish(ItemCounted("a"))
    assert not OutboxMessage.objects.exists()


def test_publish_is_one_statement(django_assert_num_queries):
    with transaction.atomic(), django_assert_num_queries(1):
        publish(ItemCounted("a"))


def test_what_is_no_event_is_refused_with_how_to_mend_it():
    @dataclass(frozen=True)
    class Plain:
        name: str

    with transaction.atomic(), pytest.raises(OutboxDeclarationError, match="Plain is not declared: put @event"):
        publish(Plain("a"))


def test_a_key_too_long_is_refused():
    with transaction.atomic(), pytest.raises(ValueError, match="at most 200"):
        publish(ItemCounted("a"), key="k" * 201)


def rings(client) -> int:
    return int(client.info("commandstats").get("cmdstat_publish", {"calls": 0})["calls"])


def test_the_doorbell_rings_once_a_transaction_after_the_commit(redis_client):
    with transaction.atomic():
        publish(ItemCounted("a"))
        publish(ItemCounted("b"))
        assert rings(redis_client) == 0
    assert rings(redis_client) == 1


def test_rings_within_a_moment_are_one_ring(redis_client, monkeypatch):
    monkeypatch.setattr(doorbell, "QUIET_AFTER_RING", 60)
    for name in "abc":
        with transaction.atomic():
            publish(ItemCounted(name))
    assert rings(redis_client) == 1


def test_a_ring_in_a_rolled_back_savepoint_does_not_silence_the_next(redis_client):
    with transaction.atomic():
        with transaction.atomic():
            publish(ItemCounted("a"))
            transaction.set_rollback(True)
        publish(ItemCounted("b"))
    assert rings(redis_client) == 1


def test_a_redis_that_is_down_costs_one_warning_and_no_error(settings, caplog):
    settings.OUTBOX_REDIS_URL = "redis://127.0.0.1:1/0"
    for name in "abc":
        with transaction.atomic():
            publish(ItemCounted(name))
    doorbell._bell.silent_until = 0.0
    assert OutboxMessage.objects.count() == 3
    assert [record.message for record in caplog.records] == ["The doorbell cannot be rung; relays look once a second"]


def test_ids_sort_by_time_and_are_of_version_7():
    ids = [uuid7() for _ in range(50)]
    assert {one.version for one in ids} == {7}
    assert [one.int >> 80 for one in ids] == sorted(one.int >> 80 for one in ids)
    assert len(set(ids)) == 50
