"""What cannot work is refused at import, with a sentence that says how to mend it."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from uuid import UUID

import pytest
from celery import chain

from outbox import Message, OutboxDeclarationError, event, subscribe
from outbox.declare import events
from outbox.messages import codec
from outbox.transports.celery import renders
from tests.support.hostapp.events import ChainWanted, ItemCounted
from tests.support.hostapp.subscribers import FIRST, SECOND


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> events.Registry:
    """A registry of its own for each test."""
    fresh = events.Registry()
    monkeypatch.setattr(events, "registry", fresh)
    return fresh


@dataclass(frozen=True)
class Plain:
    name: str


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Line:
    sku: str
    quantity: int


@dataclass(frozen=True)
class Rich:
    id: UUID
    total: Decimal
    at: datetime
    wait: timedelta
    colour: Colour
    lines: tuple[Line, ...]
    note: str | None = None


@dataclass(frozen=True)
class Odd:
    lines: list[threading.Thread]


def other(message: Message[Plain]) -> None: ...


def test_an_event_is_found_by_its_class_and_its_subscribers_by_its_name(registry):
    event("host.plain", version=1)(Plain)
    subscribe(Plain, name="host.reader")(other)
    assert registry.event_of(Plain).name == "host.plain"
    assert registry.subscribers_of("host.plain") == ("host.reader",)


def test_a_module_that_is_imported_again_changes_nothing(registry):
    for _ in range(2):
        event("host.plain", version=1)(Plain)
        subscribe(Plain, name="host.reader")(other)
    assert len(registry.subscribers) == 1


def test_two_events_of_one_name_and_version_are_refused():
    event("host.plain", version=1)(Plain)
    with pytest.raises(OutboxDeclarationError, match=r"declared twice, by .*Plain and .*Line: give one"):
        event("host.plain", version=1)(Line)


def test_two_versions_of_one_event_live_side_by_side(registry):
    event("host.plain", version=1)(Plain)
    event("host.plain", version=2)(Line)
    assert registry.event_of(Line).version == 2


def test_two_subscribers_of_one_name_are_refused():
    event("host.plain", version=1)(Plain)
    subscribe(Plain, name="host.reader")(other)
    with pytest.raises(OutboxDeclarationError, match=r"Two subscribers are named host\.reader.*rename one"):
        subscribe(Plain, name="host.reader")(lambda message: None)


def test_a_subscriber_to_what_is_no_event_is_refused():
    with pytest.raises(OutboxDeclarationError, match="Plain is not declared: put @event"):
        subscribe(Plain, name="host.reader")


def test_a_mutable_event_is_refused():
    with pytest.raises(OutboxDeclarationError, match=r"put @dataclass\(frozen=True\) under @event"):

        @event("host.loose", version=1)
        @dataclass
        class Loose:
            name: str


def test_a_field_that_json_cannot_carry_is_refused_by_name():
    with pytest.raises(OutboxDeclarationError, match=r"host\.odd: Odd\.lines is Thread, which JSON cannot carry"):
        event("host.odd", version=1)(Odd)


def test_a_version_below_one_is_refused():
    with pytest.raises(OutboxDeclarationError, match="versions count from 1"):
        event("host.plain", version=0)(Plain)


def test_a_name_too_long_is_refused():
    with pytest.raises(OutboxDeclarationError, match="give a name of 1 to 100 characters"):
        event("x" * 101, version=1)(Plain)


def test_an_event_rendered_twice_is_refused(monkeypatch):
    monkeypatch.undo()
    with pytest.raises(OutboxDeclarationError, match="rendered twice"):
        renders(ChainWanted)(lambda event: chain())


def test_the_apps_events_and_subscribers_are_found_by_themselves(monkeypatch):
    monkeypatch.undo()
    assert events.registry.event_of(ItemCounted).version == 2
    assert set(events.registry.subscribers_of("host.item_counted")) == {FIRST, SECOND}


def test_a_value_comes_back_as_it_went():
    value = Rich(
        id=UUID(int=7),
        total=Decimal("19.90"),
        at=datetime(2026, 11, 22, 8, 30, tzinfo=UTC),
        wait=timedelta(minutes=5),
        colour=Colour.RED,
        lines=(Line("mug", 2),),
    )
    codec.check_type(Rich)
    assert codec.decode(Rich, codec.encode(value)) == value


def test_a_field_that_a_newer_writer_added_is_passed_over():
    assert codec.decode(Plain, '{"name": "a", "new": 1}') == Plain("a")


def test_a_text_that_does_not_fit_says_where():
    with pytest.raises(ValueError, match="quantity"):
        codec.decode(Line, '{"sku": "mug", "quantity": "two"}')
