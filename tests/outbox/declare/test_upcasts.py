"""Misuse of `@upcast` is refused when the process starts, with a sentence that says how to mend it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from outbox import Message, OutboxDeclarationError, event, subscribe, upcast
from outbox.declare import events
from outbox.declare.upcasts import refuse_gaps


@dataclass(frozen=True)
class PriceV1:
    price: int


@dataclass(frozen=True)
class PriceV2:
    price: int
    currency: str


@dataclass(frozen=True)
class Price:
    amount: int
    currency: str


@dataclass(frozen=True)
class Other:
    name: str


def to_v2(old: PriceV1) -> PriceV2:
    return PriceV2(old.price, "EUR")


def to_v3(old: PriceV2) -> Price:
    return Price(old.price, old.currency)


def past_v2(old: PriceV1) -> Price:
    return Price(old.price, "EUR")


def raw_to_v3(old: dict[str, Any]) -> Price:
    return Price(old["cents"], "EUR")


def no_return(old: PriceV1):
    return to_v2(old)


def two_parameters(old: PriceV1, more: int) -> PriceV2:
    return PriceV2(more, "EUR")


async def waits(old: PriceV1) -> PriceV2:
    return to_v2(old)


def elsewhere(old: PriceV1) -> "Nowhere":  # type: ignore[name-defined]  # noqa: F821
    return old


def to_other(old: PriceV1) -> Other:
    return Other(str(old.price))


def down(old: PriceV2) -> PriceV1:
    return PriceV1(old.price)


def handler(message: Message[Any]) -> None: ...


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> events.Registry:
    """A registry with three versions of a price."""
    fresh = events.Registry()
    monkeypatch.setattr(events, "registry", fresh)
    for version, body in enumerate((PriceV1, PriceV2, Price), start=1):
        event("host.priced", version=version)(body)
    event("host.other", version=7)(Other)
    return fresh


def test_a_chain_up_to_what_a_subscriber_reads_is_complete(registry):
    upcast(PriceV1)(to_v2)
    upcast(PriceV2)(to_v3)
    subscribe(Price, name="host.reader")(handler)
    refuse_gaps(registry)
    assert registry.subscribers["host.reader"].read("host.priced", 1, '{"price": 5}') == Price(5, "EUR")


def test_a_version_may_be_passed_over_when_nobody_reads_it(registry):
    upcast(PriceV1)(past_v2)
    upcast(PriceV2)(to_v3)
    subscribe(Price, name="host.reader")(handler)
    refuse_gaps(registry)


def test_a_module_that_is_imported_again_changes_nothing(registry):
    for _ in range(2):
        upcast(PriceV1)(to_v2)
    assert len(registry.upcasts) == 1


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        ([], r"no upcast leads on from version 1: beside Price, put @upcast\(PriceV1\) on a function that returns one"),
        ([(PriceV1, to_v2)], r"no upcast leads on from version 2: beside Price, put @upcast\(PriceV2\)"),
    ],
)
def test_a_gap_before_what_a_subscriber_reads_is_refused(registry, declared, sentence):
    for old, function in declared:
        upcast(old)(function)
    subscribe(Price, name="host.reader")(handler)
    with pytest.raises(OutboxDeclarationError, match=rf"host\.reader reads host\.priced version 3, and {sentence}"):
        refuse_gaps(registry)


def test_a_gap_after_a_class_that_is_gone_is_refused_too(registry):
    def to_fourth(old: dict[str, Any]) -> PriceV2:
        return PriceV2(old["cents"], "EUR")

    del registry.events["host.priced", 1]
    upcast("host.priced", 1)(to_fourth)
    subscribe(Price, name="host.reader")(handler)
    with pytest.raises(OutboxDeclarationError, match=r"leads on from version 2: .* @upcast\(PriceV2\)"):
        refuse_gaps(registry)


def test_a_way_that_leads_past_what_a_subscriber_reads_is_refused(registry):
    upcast(PriceV1)(past_v2)
    subscribe(PriceV2, name="host.reader")(handler)
    with pytest.raises(OutboxDeclarationError, match=r"past_v2 leads from version 1 past it, to 3: have host\.reader"):
        refuse_gaps(registry)


def test_two_upcasts_from_one_version_are_refused():
    upcast(PriceV1)(to_v2)
    with pytest.raises(OutboxDeclarationError, match=r"version 1 has two upcasts, .*to_v2 and .*past_v2.*: keep one"):
        upcast(PriceV1)(past_v2)


@pytest.mark.parametrize(
    ("old", "function", "sentence"),
    [
        (PriceV2, down, "leads to version 1; an upcast leads to a later version: exchange the two"),
        (PriceV1, to_other, r"leads to host\.other; have it return a later version of host\.priced"),
        (PriceV1, to_v3, "says that it takes another type: it is given a PriceV1. Annotate that"),
        (PriceV1, no_return, "does not say what it returns: annotate it"),
        (PriceV1, two_parameters, "takes 2 parameters; it is given the old body alone"),
        (PriceV1, waits, "is declared with async def.* Write it with def"),
        (PriceV1, elsewhere, "name 'Nowhere' is not defined; its annotations must be importable"),
        (PriceV1, lambda old: old, "does not say what it returns"),
        (dict, to_v3, "dict is not declared: put @event"),
    ],
)
def test_a_function_that_cannot_be_the_upcast_is_refused(old: Any, function: Callable[[Any], Any], sentence: str):
    with pytest.raises(OutboxDeclarationError, match=sentence):
        upcast(old)(function)


def test_a_cycle_cannot_be_declared():
    upcast(PriceV1)(to_v2)
    with pytest.raises(OutboxDeclarationError, match="exchange the two"):
        upcast(PriceV2)(down)


def test_a_class_that_is_gone_is_named_with_its_version():
    for given in ((), (0,), ("1",)):
        with pytest.raises(
            OutboxDeclarationError, match=r"say which version it reads, such as @upcast\('host\.priced'"
        ):
            upcast("host.priced", *given)(raw_to_v3)
    with pytest.raises(OutboxDeclarationError, match=r"PriceV1, 1\): the class says its version; leave it out"):
        upcast(PriceV1, 1)  # type: ignore[call-overload]
    with pytest.raises(OutboxDeclarationError, match="it is given a dict"):
        upcast("host.priced", 2)(to_v3)  # type: ignore[arg-type]
