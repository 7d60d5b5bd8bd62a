"""A subscriber reads old messages as the version it declares, and parks what it cannot read, saying what to do."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction

from outbox import Message, OutboxDeclarationError, event, publish, subscribe, upcast
from outbox.declare import events
from outbox.errors import CannotRead
from outbox.models import DeadLetter, Delivery, OutboxMessage
from outbox.operations.requeue import requeue
from outbox.testing import drain
from tests.support.hostapp.events import NobodyListens

pytestmark = pytest.mark.django_db(transaction=True)
READER = "host.price_reader"
seen: list[Message[Any]] = []


@event("host.price_noted", version=2)
@dataclass(frozen=True)
class PriceNotedV2:
    """Version 1 had `cents` and no currency; its class is deleted."""

    price: int
    currency: str


@event("host.price_noted", version=3)
@dataclass(frozen=True)
class PriceNoted:
    amount: int
    currency: str


@dataclass(frozen=True)
class PriceNotedV4:
    """Of the next deploy: not declared yet."""

    amount: int
    currency: str
    vat: int


@upcast("host.price_noted", 1)
def with_a_currency(old: dict[str, Any]) -> PriceNotedV2:
    return PriceNotedV2(old["cents"], "EUR")


@upcast(PriceNotedV2)
def with_an_amount(old: PriceNotedV2) -> PriceNoted:
    return PriceNoted(old.price, old.currency)


@subscribe(PriceNoted, name=READER)
def read(message: Message[PriceNoted]) -> None:
    seen.append(message)


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    seen.clear()


def write(version: int, payload: str) -> None:
    """A message as the code of another day wrote it."""
    with transaction.atomic():
        publish(PriceNoted(7, "USD"), key="price:1")
        OutboxMessage.objects.update(version=version, payload=payload)


def parked(sentence: str) -> DeadLetter:
    """What is a dead letter after the drain, with that sentence."""
    with pytest.raises(CannotRead, match=sentence):
        drain()
    dead = DeadLetter.objects.get()
    assert (dead.subscriber, dead.attempts, dead.error_class) == (READER, 1, "CannotRead")
    assert not seen
    assert not Delivery.objects.exists()
    return dead


@pytest.mark.parametrize(
    ("version", "payload", "body"),
    [
        (1, '{"cents": 5}', PriceNoted(5, "EUR")),
        (2, '{"price": 5, "currency": "USD"}', PriceNoted(5, "USD")),
        (3, '{"amount": 5, "currency": "USD"}', PriceNoted(5, "USD")),
    ],
)
def test_a_message_of_any_version_reaches_the_handler_as_the_version_it_declares(version, payload, body):
    write(version, payload)
    drain()
    assert [(message.body, message.version) for message in seen] == [(body, version)]


def test_an_old_class_can_still_be_published_until_all_readers_are_deployed():
    with transaction.atomic():
        publish(PriceNotedV2(5, "EUR"))
    drain()
    assert seen[0].body == PriceNoted(5, "EUR")


def test_a_version_newer_than_the_code_is_parked_and_read_after_the_deploy(monkeypatch):
    write(4, '{"amount": 5, "currency": "USD", "vat": 1}')
    dead = parked(
        r"host\.price_reader reads host\.price_noted version 3; this message is host\.price_noted version 4, which is "
        r"newer than this code \(versions declared here: 2, 3\)\. Deploy the code that declares it, then requeue\."
    )
    assert (dead.version, dead.key, dead.payload) == (4, "price:1", '{"amount": 5, "currency": "USD", "vat": 1}')
    declared = events.registry.subscribers[READER]
    newer = events.EventType("host.price_noted", 4, PriceNotedV4)
    monkeypatch.setitem(events.registry.subscribers, READER, dataclasses.replace(declared, event=newer))
    assert requeue(dead.pk)
    with transaction.atomic():
        publish(NobodyListens("a drain looks at deliveries when it has sent a message"))
    drain()
    assert [message.body for message in seen] == [PriceNotedV4(5, "USD", 1)]
    assert not DeadLetter.objects.exists()


def test_a_version_that_no_upcast_leads_on_from_is_parked(monkeypatch):
    monkeypatch.delitem(events.registry.upcasts, ("host.price_noted", 2))
    write(1, '{"cents": 5}')
    parked(
        r"this message is host\.price_noted version 1, and no upcast leads on from version 2 \(versions declared here: "
        r"2, 3\)\. Declare it, @upcast\('host\.price_noted', 2\), deploy, then requeue\."
    )


def test_a_version_that_is_declared_but_newer_than_the_subscriber_is_parked(monkeypatch):
    monkeypatch.setitem(
        events.registry.events,
        ("host.price_noted", 4),
        events.EventType("host.price_noted", 4, PriceNoted),
    )
    write(4, '{"amount": 5, "currency": "USD"}')
    parked(r"is host\.price_noted version 4, which is newer .* Have host\.price_reader read the newest, deploy")


def test_a_payload_that_does_not_fit_is_parked():
    write(3, '{"amount": "five", "currency": "USD"}')
    parked(
        r"The body is not a PriceNoted, which is host\.price_noted version 3 here: .*amount.* Its writer declares that "
        r"version differently: give one of the two another version, deploy, then requeue\."
    )


def test_an_old_payload_that_is_no_object_is_parked():
    write(1, "[5]")
    parked(r"The body is not a dict, which is host\.price_noted version 1 here")


def test_what_an_upcast_raises_parks_the_message():
    write(1, "{}")
    parked(
        r"with_a_currency, the upcast of .* from version 1, raised KeyError: 'cents'\. Correct it, deploy, then requeue"
    )


def test_an_upcast_that_returns_something_else_parks_the_message(monkeypatch):
    monkeypatch.setitem(
        events.registry.upcasts,
        ("host.price_noted", 2),
        events.Upcast(
            "host.price_noted",
            2,
            PriceNotedV2,
            events.registry.event_of(PriceNoted),
            lambda old: old,
        ),
    )
    write(2, '{"price": 5, "currency": "USD"}')
    parked(r"returned a PriceNotedV2 in place of a PriceNoted\. Correct it")


def test_another_type_than_the_subscriber_reads_is_refused_with_what_is_known_of_it():
    subscriber = events.registry.subscribers[READER]
    with pytest.raises(
        CannotRead,
        match=r"this message is host\.gone version 5 \(no version is declared here\)\. Deploy the code in which "
        r"host\.price_reader reads that event, then requeue\.",
    ):
        subscriber.read("host.gone", 5, "{}")
    with pytest.raises(CannotRead, match=r"is host\.nobody_listens version 1 \(versions declared here: 1\)"):
        subscriber.read("host.nobody_listens", 1, "{}")


def test_a_process_with_a_gap_before_a_subscriber_does_not_start(monkeypatch):
    monkeypatch.delitem(events.registry.upcasts, ("host.price_noted", 2))
    with pytest.raises(OutboxDeclarationError, match=r"host\.price_reader reads .* leads on from version 2"):
        apps.get_app_config("outbox").ready()
