"""Forms that are made from a type: an amount is asked for as money, and what was typed stays when it is refused."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from django import forms
from django.urls import reverse

from outbox.messages import codec
from sagas import MinorUnits, Refused, Saga, StepContext
from sagas.admin.typed_form import Asked, form_class
from sagas.declare import registry
from sagas.desk.given.typed_values import fields_of
from sagas.models import Act, Run
from tests.support.sagas.admin_pages import EVERY_ACT, act, log_in, page_of, said
from tests.support.sagas.driver import begin, carry

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("production_static")]
DECIMALS = {"EUR": 2, "JPY": 0}


def decimals_of(currency: str) -> int:
    if currency not in DECIMALS:
        raise ValueError(f"{currency} is no currency here.")
    return DECIMALS[currency]


Minor = Annotated[int, MinorUnits(decimals_of)]


@dataclass(frozen=True)
class Bill:
    amount: Minor
    currency: str
    email: str = "ann@example.com"


@dataclass(frozen=True)
class Paid:
    receipt: str
    amount: Minor


def declared(differs: Any = "refuse") -> Saga[Bill]:
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
def bill():
    saga = declared()
    yield saga
    registry.forget(saga)


@pytest.fixture
def olga(client):
    return log_in(client, "view_run", "view_act", *EVERY_ACT)


def run_of(saga: Saga[Bill], amount: int = 8900, currency: str = "EUR") -> Run:
    return Run.objects.get(pk=begin(saga, Bill(amount, currency)))


def asked(client, run: Run, verb: str = "skip") -> str:
    return str(client.get(reverse("admin:sagas_desk", args=[verb]), {"run": run.pk}).content.decode())


def typed(client, run: Run, amount: str, **more: str):
    return act(client, "skip", run, **{"result.receipt": "", "result.amount": amount, **more})


def test_the_form_asks_for_money_and_is_filled_in_with_what_is_owed(olga, client, bill):
    text = asked(client, run_of(bill))
    assert 'name="result.amount" value="89.00"' in text
    assert "In EUR. Expected: 89.00 EUR (8900 in minor units). Anything else is refused." in text
    assert "<summary>Advanced: as JSON</summary>" in text


@pytest.mark.parametrize(
    ("currency", "shown", "amount"), [("EUR", "89.00", "89"), ("EUR", "89.00", "89.00"), ("JPY", "8900", "8900")]
)
def test_what_is_typed_is_an_amount_of_the_runs_currency(olga, client, bill, currency, shown, amount):
    run = run_of(bill, currency=currency)
    assert f'value="{shown}"' in asked(client, run)
    assert "done and recorded" in said(typed(client, run, amount, **{"result.receipt": "by post"}))
    assert Run.objects.get().steps.get(name="pay").result == {"receipt": "by post", "amount": 8900}
    assert carry(run.pk).status == "completed"


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0.89", "you gave 0.89 EUR (89 in minor units), which is 88.11 EUR less."),
        ("89.005", "EUR has 2 decimals, such as 1.00"),
        ("89,00", "Write the amount in figures, with a point before its decimals"),
        ("", "Fill this in."),
        ("NaN", "Write the amount in figures"),
        ("1e99", "Ensure that there are no more than 18 digits"),
    ],
)
def test_what_is_refused_stays_in_the_form_as_it_was_typed(olga, client, bill, amount, words):
    run = run_of(bill)
    answer = typed(client, run, amount, **{"result.receipt": "by post", "reason": "I paid it."})
    text = answer.content.decode()
    assert answer.status_code == 200
    assert words in text
    assert 'name="result.receipt" value="by post"' in text
    assert "I paid it." in text
    if amount:
        assert f'name="result.amount" value="{amount}"' in text
    assert not Act.objects.exists()


def test_json_that_is_refused_stays_behind_advanced_which_is_open(olga, client, bill):
    run = run_of(bill)
    text = act(client, "skip", run, result='{"receipt": "", "amount": 89}').content.decode()
    assert "which is 88.11 EUR less." in text
    assert '<details class="advanced" open>' in text
    assert "{&quot;receipt&quot;: &quot;&quot;, &quot;amount&quot;: 89}" in text
    assert not Act.objects.exists()


def test_json_is_used_instead_of_the_fields(olga, client, bill):
    run = run_of(bill)
    assert "done and recorded" in said(typed(client, run, "x", result='{"receipt": "r", "amount": 8900}'))
    assert Run.objects.get().steps.get(name="pay").result == {"receipt": "r", "amount": 8900}


def test_a_differing_amount_is_shown_before_it_is_proposed_and_again_to_the_second_person(client):
    saga = declared("second person")
    try:
        run = run_of(saga)
        log_in(client, "view_run", "view_act", *EVERY_ACT)
        text = typed(client, run, "80").content.decode()
        assert "which is 9.00 EUR less." in text
        assert 'value="Propose: Skip with a result"' in text
        assert not Act.objects.exists()
        seen = text.partition('name="differs" value="')[2].partition('"')[0]
        assert "proposed and recorded. It differs" not in said(typed(client, run, "81", differs=seen))
        assert not Act.objects.exists(), "another difference is shown first, too"
        assert "proposed and recorded. It differs" in said(typed(client, run, "80", differs=seen))
        (proposal,) = Act.objects.all()
        assert "desk/skip/" not in page_of(client, run), "one proposal at a time"
        text = client.get(reverse("admin:sagas_proposal", args=[proposal.pk, "confirm"])).content.decode()
        for words in ("which is 9.00 EUR less", '<th scope="row">Amount</th><td>80.00 EUR (8000 in minor units)</td>'):
            assert words in text
    finally:
        registry.forget(saga)


def test_of_an_input_only_what_was_changed_is_given_and_shown_as_money(olga, client, bill):
    run = run_of(bill)
    assert 'name="changes.amount" value="89.00"' in asked(client, run, "set_input")
    given = {"changes.amount": "99.5", "changes.currency": "EUR", "changes.email": "ann@example.com"}
    text = act(client, "set_input", run, **given).content.decode()
    assert "<td>89.00 EUR (8900 in minor units)</td><td>99.50 EUR (9950 in minor units)</td>" in text
    shown = {"shown": '{"amount": 9950}'}
    assert "done and recorded" in said(act(client, "set_input", run, **given, **shown))
    assert Run.objects.get().input == {"amount": 9950, "currency": "EUR", "email": "ann@example.com"}


def test_an_amount_with_its_currency_beside_it_is_read_in_that_one(olga, client, bill):
    run = run_of(bill)
    given = {"changes.amount": "99.5", "changes.email": "x"}
    text = act(client, "set_input", run, **given, **{"changes.currency": "JPY"}).content.decode()
    assert "JPY has no decimals" in text
    assert (
        "XXX is no currency here."
        in act(client, "set_input", run, **given, **{"changes.currency": "XXX"}).content.decode()
    )


def test_an_input_that_nobody_can_read_is_asked_for_all_the_same(olga, client, bill):
    run = run_of(bill)
    Run.objects.update(input={"amount": "many", "currency": 7})
    assert 'name="changes.amount"' in asked(client, run, "set_input")
    assert "What is expected is not known. The run&#x27;s input does not fit this code" in asked(client, run)


class Colour(enum.Enum):
    RED = "r"
    BLUE = "b"


@dataclass(frozen=True)
class Seat:
    row: int
    window: bool


class Tag(msgspec.Struct, rename="camel"):
    long_name: str


@dataclass(frozen=True)
class Everything:
    text: str
    number: int | None
    ratio: float
    price: Decimal
    day: date
    at: datetime
    id: UUID
    sure: bool
    maybe: bool | None
    colour: Colour
    side: Literal["left", "right"] | None
    seat: Seat
    tag: Tag
    names: list[str]
    sizes: tuple[int, ...]
    more: dict[str, int] = field(default_factory=dict)


KNOWN = {
    "text": " two words ",
    "number": None,
    "ratio": 0.5,
    "price": "12.50",
    "day": "2026-03-04",
    "at": "2026-03-04T14:02:05.123456Z",
    "id": "00000000-0000-0000-0000-000000000001",
    "sure": True,
    "maybe": False,
    "colour": "b",
    "side": None,
    "seat": {"row": 3, "window": False},
    "tag": {"longName": "x"},
    "names": ["a", "b c"],
    "sizes": [1, 2],
    "more": {"k": 1},
}


def form_of(known: Any, data: dict[str, str] | None = None) -> Any:
    what = Asked(Everything, known, {}, "Everything.", fields=fields_of(Everything))
    return form_class(forms.Form, "result", what)(data)


def sent(form: Any) -> dict[str, str]:
    """What a browser sends of a form that was not touched."""
    found: dict[str, str] = {}
    for one in form:
        value, widget = one.value(), one.field.widget
        if isinstance(widget, forms.CheckboxInput):
            found |= {one.html_name: "on"} if value else {}
        elif value is None or isinstance(widget, forms.Select):
            found[one.html_name] = str(value or "")
        else:
            found[one.html_name] = str(widget.format_value(value))
    return found


def test_a_form_that_was_not_touched_gives_what_it_was_filled_in_with():
    form = form_of(KNOWN, sent(form_of(KNOWN)))
    assert form.is_valid(), form.errors
    assert form.cleaned_data["result"] == KNOWN
    assert codec.decode(Everything, codec.encode(form.cleaned_data["result"])).colour is Colour.BLUE


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("number", "x", "Enter a whole number."),
        ("ratio", "x", "Enter a number."),
        ("price", "x", "This does not fit. A decimal number."),
        ("day", "yesterday", "Enter a valid date."),
        ("at", "noon", "This does not fit. As 2026-03-04T14:02:05Z"),
        ("id", "1", "This does not fit. A UUID."),
        ("colour", "green", "Select a valid choice."),
        ("side", "up", "Select a valid choice."),
        ("seat.row", "", "Fill this in."),
        ("sizes", "1\nx", "Write one whole number a line."),
        ("more", "{", "This is no JSON"),
    ],
)
def test_each_field_says_what_is_wrong_with_it(name, wrong, words):
    form = form_of(KNOWN, {**sent(form_of(KNOWN)), f"result.{name}": wrong})
    assert not form.is_valid()
    assert words in str(form.errors[f"result.{name}"])
    assert form[f"result.{name}"].value() == wrong
