"""Where events go: what a destination may say, and what is refused with a sentence that says how to mend it."""

import pytest
from django.db import transaction

from outbox import OutboxDeclarationError, publish
from outbox.ids import uuid7
from outbox.models import OutboxMessage
from outbox.publishing import destinations
from tests.support.hostapp.events import ItemCounted, NobodyListens

CELERY = {"transport": "outbox.transports.celery.CeleryTransport"}
MEMORY = {"transport": "outbox.transports.memory.MemoryTransport"}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "name one destination at least"),
        ({"tasks": {"order": "key"}}, "The destination tasks has no `transport`"),
        ({"tasks": {"transport": "nowhere.Transport"}}, "The transport of the destination tasks cannot be made"),
        ({"tasks": {**MEMORY, "options": {"speed": 3}}}, "unexpected keyword argument 'speed'"),
        ({"tasks": {**MEMORY, "order": "fifo"}}, "`order` is one of none, key, strict"),
        ({"tasks": {**MEMORY, "events": "host.*"}}, "`events` is a list of patterns"),
        ({"a" * 41: MEMORY}, "has 41 characters; at most 40"),
        ({"tasks": {**MEMORY, "topics": ["a"]}}, "Known are order, keep, events, max_age, options"),
    ],
)
def test_a_destination_that_cannot_work_is_refused(settings, given, sentence):
    settings.OUTBOX_DESTINATIONS = given
    with pytest.raises(OutboxDeclarationError, match=sentence):
        destinations.configured()


@pytest.mark.django_db(transaction=True)
def test_one_row_is_written_for_each_destination_that_takes_the_event(settings, django_assert_num_queries):
    settings.OUTBOX_DESTINATIONS = {
        "tasks": CELERY,
        "partners": {**MEMORY, "events": ["host.item_*"]},
        "nobody": {**MEMORY, "events": ["other.*"]},
    }
    with transaction.atomic(), django_assert_num_queries(1):
        message_id = publish(ItemCounted("a"), key="item:a")
    with transaction.atomic():
        publish(NobodyListens("b"))
    rows = list(OutboxMessage.objects.order_by("id").values_list("destination", "type", "message_id"))
    assert [row[:2] for row in rows] == [
        ("tasks", "host.item_counted"),
        ("partners", "host.item_counted"),
        ("tasks", "host.nobody_listens"),
    ]
    assert rows[0][2] == rows[1][2] == message_id


@pytest.mark.django_db(transaction=True)
def test_an_event_that_no_destination_takes_is_refused_and_nothing_is_written(settings):
    settings.OUTBOX_DESTINATIONS = {"partners": {**MEMORY, "events": ["other.*"]}}
    with pytest.raises(OutboxDeclarationError, match=r"host\.item_counted goes nowhere"), transaction.atomic():
        publish(ItemCounted("a"))
    assert not OutboxMessage.objects.exists()


def test_a_key_has_one_shard_and_messages_without_a_key_are_spread():
    shards = {destinations.shard_of("order:1", uuid7().int) for _ in range(50)}
    assert len(shards) == 1
    spread = {destinations.shard_of("", uuid7().int) for _ in range(1000)}
    assert spread == set(range(destinations.SHARDS))
