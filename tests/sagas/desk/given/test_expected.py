"""What a host expects of a result: a differing one is refused in words, or needs a second person who reads them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from sagas import MinorUnits, Refused, Saga, SagaDeclarationError, StepContext, desk
from sagas.declare import registry
from sagas.desk.given.expected import difference
from sagas.desk.given.typed_values import fields_of, rows
from sagas.errors import RecordingFailed
from sagas.models import Act, Run
from tests.support.sagas.driver import begin, carry

pytestmark = pytest.mark.django_db(transaction=True)
DECIMALS = {"EUR": 2, "JPY": 0, "KWD": 3}


def decimals_of(currency: str) -> int:
    if currency not in DECIMALS:
        raise ValueError(f"{currency!r} is no currency here.")
    return DECIMALS[currency]


Minor = Annotated[int, MinorUnits(decimals_of)]


@dataclass(frozen=True)
class Bill:
    amount: Minor
    currency: str


@dataclass(frozen=True)
class Paid:
    receipt: str
    amount: Minor


LESS = (
    r"amount is 89\.00 EUR \(8900 in minor units\), you gave 0\.89 EUR \(89 in minor units\), which is 88\.11 EUR less"
)


@pytest.fixture
def ann():
    return get_user_model().objects.create_superuser("ann")


@pytest.fixture
def bob():
    return get_user_model().objects.create_superuser("bob")


def declared(differs: Literal["refuse", "second person"] = "refuse") -> Saga[Bill]:
    """A saga whose step is refused, so that a person says what was paid."""
    saga = Saga[Bill]("bill")

    @saga.step(undo=None)
    def pay(ctx: StepContext[Bill]) -> Paid:
        raise Refused("card_declined")

    @saga.pivot()
    def settle(ctx: StepContext[Bill]) -> None:
        """Never reached by itself."""

    @pay.expected(differs=differs)
    def as_owed(ctx: StepContext[Bill]) -> dict[str, int]:
        return {"amount": ctx.input.amount}

    return saga


@pytest.fixture
def refusing():
    saga = declared()
    yield saga
    registry.forget(saga)


@pytest.fixture
def lenient():
    saga = declared("second person")
    yield saga
    registry.forget(saga)


def run_of(saga: Saga[Bill], amount: int = 8900, currency: str = "EUR") -> Run:
    return Run.objects.get(pk=begin(saga, Bill(amount, currency)))


def untouched(run: Run) -> None:
    assert (Run.objects.get().row_version, Run.objects.get().position) == (run.row_version, 0)
    assert not Act.objects.exists()


def test_cents_taken_for_euros_are_refused_by_code_and_at_the_command_line(refusing, ann):
    run = run_of(refusing)
    with pytest.raises(desk.DoesNotFit, match=LESS):
        desk.skip(run.pk, actor=ann, reason="paid", result={"receipt": "", "amount": 89})
    with pytest.raises(CommandError, match=LESS):
        call_command("saga", "skip", str(run.pk), "--reason=x", "--as=ann", '--result={"receipt": "", "amount": 89}')
    with pytest.raises(desk.DoesNotFit, match=LESS):
        desk.propose("skip", run.pk, actor=ann, reason="x", result={"receipt": "", "amount": 89})
    untouched(run)
    desk.skip(run.pk, actor=ann, reason="paid", result={"receipt": "a", "amount": 8900})
    assert carry(run.pk).status == "completed"


@pytest.mark.parametrize(
    ("amount", "currency", "given", "words"),
    [
        (8900, "JPY", 89, r"is 8900 JPY \(8900 in minor units\), you gave 89 JPY.*which is 8811 JPY less"),
        (12500, "KWD", 12510, r"is 12\.500 KWD.*you gave 12\.510 KWD.*which is 0\.010 KWD more"),
        (8900, "XXX", 89, "is 8900 minor units of XXX"),
    ],
)
def test_a_currency_is_said_with_its_own_decimals(refusing, ann, amount, currency, given, words):
    run = run_of(refusing, amount, currency)
    with pytest.raises(desk.DoesNotFit, match=words):
        desk.skip(run.pk, actor=ann, reason="paid", result={"receipt": "", "amount": given})
    untouched(run)


def test_where_the_host_lets_a_second_person_decide_the_difference_is_in_the_proposal(lenient, ann, bob):
    run, given = run_of(lenient), {"receipt": "", "amount": 89}
    with pytest.raises(desk.SecondPersonNeeded, match=LESS):
        desk.skip(run.pk, actor=ann, reason="paid", result=given)
    untouched(run)
    proposal = desk.propose("skip", run.pk, actor=ann, reason="All that is left of it.", result=given)
    assert "which is 88.11 EUR less" in proposal.after["differs"]
    with pytest.raises(desk.SamePerson):
        desk.confirm(proposal.pk, actor=ann, reason="x")
    desk.confirm(proposal.pk, actor=bob, reason="So it is.")
    done = Act.objects.get(verb="skip")
    assert (done.before["proposed_by"], done.after["differs"]) == ("ann", proposal.after["differs"])
    assert Run.objects.get().steps.get(name="pay").result == given


def test_what_does_not_differ_needs_one_person_only(lenient, ann):
    run, given = run_of(lenient), {"receipt": "", "amount": 8900}
    with pytest.raises(desk.DoesNotFit, match="skip needs no second person here"):
        desk.propose("skip", run.pk, actor=ann, reason="x", result=given)
    desk.skip(run.pk, actor=ann, reason="paid", result=given)


def test_the_command_line_proposes_what_differs_and_says_by_how_much(lenient, ann, bob):
    run, out = run_of(lenient), io.StringIO()
    given = '--result={"receipt": "", "amount": 89}'
    with pytest.raises(CommandError, match="told apart by their accounts"):
        call_command("saga", "skip", str(run.pk), "--reason=x", given)
    call_command("saga", "skip", str(run.pk), "--reason=x", "--as=ann", given, stdout=out)
    assert "which is 88.11 EUR less.\nSkip with a result: proposed." in out.getvalue()
    assert Run.objects.get().position == 0


def test_a_host_that_cannot_say_what_is_expected_has_nothing_done(refusing, ann):
    def fails(ctx: StepContext[Bill]) -> None:
        raise LookupError("no such bill")

    refusing.named("pay").expected_run = fails
    run = run_of(refusing)
    with pytest.raises(
        RecordingFailed, match=r"Nothing was done: the expected result of bill\.pay failed: no such bill"
    ):
        desk.skip(run.pk, actor=ann, reason="x", result={"receipt": "", "amount": 8900})
    untouched(run)


def test_it_is_declared_once_and_can_be_called(refusing):
    with pytest.raises(SagaDeclarationError, match=r"bill\.pay has its expected result declared already; keep one"):
        refusing.named("pay").expected()(lambda ctx: {})
    with pytest.raises(SagaDeclarationError, match=r"bill\.settle: the expected result is called with \(ctx\)"):
        refusing.named("settle").expected()(lambda: {})
    with pytest.raises(SagaDeclarationError, match="differs='maybe'"):
        refusing.named("settle").expected(differs="maybe")


@dataclass(frozen=True)
class Part:
    price: Minor | None
    currency: str


@dataclass(frozen=True)
class Whole:
    part: Part
    paid: bool
    rest: list[Part]


def test_a_type_is_asked_for_field_by_field_and_money_by_the_currency_beside_it():
    fields = {one.name: one for one in fields_of(Whole)}
    assert list(fields) == ["part.price", "part.currency", "paid", "rest"]
    assert (fields["part.price"].kind, fields["part.price"].optional) == (int, True)
    value = {"part": {"price": 8900, "currency": "JPY"}, "paid": True, "rest": []}
    assert dict(rows(Whole, value, {"currency": "EUR"})) == {
        "part.price": "8900 JPY (8900 in minor units)",
        "part.currency": "JPY",
        "paid": "true",
        "rest": "[]",
    }


@pytest.mark.parametrize(
    ("kind", "known", "given", "words"),
    [
        (str, "won", "lost", "it is won, you gave lost"),
        (str, "won", "won", ""),
        (Whole, {"paid": True}, {"paid": 1}, "paid is true, you gave 1"),
        (Whole, {"part": {"currency": "EUR"}}, {"part": {"currency": "JPY"}}, "part.currency is EUR, you gave JPY"),
        (
            Whole,
            {"part": {"price": 8900, "currency": "EUR"}},
            {"part": {"price": 8900, "currency": "JPY"}},
            "part.currency is EUR, you gave JPY",
        ),
        (
            Whole,
            {"part": {"price": 1}},
            {"part": {"price": None}},
            "part.price is 0.01 EUR (1 in minor units), you gave nothing",
        ),
        (Whole, {}, {"paid": False}, ""),
    ],
)
def test_only_what_is_known_is_compared(kind, known, given, words):
    assert difference(kind, known, given, {"currency": "EUR"}) == words


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("89", "EUR", 8900), ("89.5", "EUR", 8950), ("89", "JPY", 89), ("1e2", "KWD", 100_000)],
)
def test_an_amount_in_minor_units_and_back(amount, currency, minor):
    units = MinorUnits(decimals_of)
    assert units.minor(Decimal(amount), currency) == minor
    assert units.major(minor, currency) == Decimal(amount)


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        ("89.005", "EUR", "89.005 EUR has a part of the smallest unit: EUR has 2 decimals, such as 1.00"),
        ("89.5", "JPY", "JPY has no decimals"),
        ("89", "XXX", "'XXX' is no currency here"),
    ],
)
def test_a_part_of_the_smallest_unit_is_no_amount(amount, currency, words):
    with pytest.raises(ValueError, match=words):
        MinorUnits(decimals_of).minor(Decimal(amount), currency)
