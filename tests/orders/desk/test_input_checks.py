"""A figure that a person gives on the desk is what the order, the trip or the return says, or it is refused."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from django.db import transaction

from orders.models import Order
from orders.reconciliation.books import Difference
from orders.reconciliation.cases import open_difference, open_dispute
from orders.reconciliation.processor import Disputed
from orders.returns.models import Return
from orders.returns.services import refund_failed
from orders.returns.status import note_refund
from sagas import desk
from sagas.declare import registry
from sagas.desk import input_changes, skips
from sagas.desk.given.typed_values import fields_of
from sagas.models import Run

from ..doors import returns, trips

pytestmark = pytest.mark.django_db
FIGURES = {"amount", "currency", "lines", "refunded", "charged"}


def standing_at(run: Run, step: str) -> Run:
    run.position = run.steps.get(name=step).position
    run.save(update_fields=["position"])
    return run


@pytest.fixture
def runs(client) -> dict[str, Run]:
    """One run of each saga of the shop, by name: two mugs for 37.00 EUR, one of which comes back; a trip of 297.00."""
    back = returns()
    back.post(client)
    trips().post(client)
    with transaction.atomic():
        note_refund(Return.objects.get().pk, "re_1")
        assert refund_failed("re_1", "The account is closed.")
    number = Order.objects.get().number
    dispute = Disputed("dp_1", "pi_1", 3700, "EUR", "fraudulent", "needs_response", None, number)
    assert open_dispute(dispute)
    open_difference(Difference("charged_differs", number, "pi_1", 3700, 100, "EUR"))
    return {run.name: run for run in Run.objects.all()}


AUTHORIZED = {"intent_id": "pi_1", "amount": 3700, "currency": "EUR"}
BOOKED = {"intent_id": "pi_1", "amount": 29700, "currency": "EUR"}
REFUND = {"refund_id": "", "amount": 1850}
RESERVED = {"key": "k", "status": "reserved", "lines": [["mug", 2]]}
RESULTS: list[tuple[str, str, Any, Any, str]] = [
    (
        "checkout",
        "authorize_payment",
        AUTHORIZED,
        AUTHORIZED | {"amount": 37},
        r"amount is 37\.00 EUR \(3700 in minor units\), you gave 0\.37 EUR .* which is 36\.63 EUR less",
    ),
    (
        "checkout",
        "authorize_payment",
        AUTHORIZED,
        AUTHORIZED | {"currency": "USD"},
        "currency is EUR, you gave USD",
    ),
    ("checkout", "authorize_payment", AUTHORIZED, AUTHORIZED | {"intent_id": " "}, "Give the intent_id"),
    ("checkout", "reserve_stock", RESERVED, RESERVED | {"lines": [["mug", 1]]}, "lines is 2 × mug, you gave 1 × mug"),
    ("checkout", "reserve_stock", RESERVED, RESERVED | {"lines": []}, "lines is 2 × mug, you gave nothing"),
    (
        "checkout",
        "capture_payment",
        {"intent_id": "pi_1", "amount": 3700},
        {"intent_id": "pi_1", "amount": 37},
        r"37\.00 EUR.*0\.37 EUR",
    ),
    ("trip", "authorize_payment", BOOKED, BOOKED | {"amount": 297}, r"297\.00 EUR.*2\.97 EUR"),
    (
        "trip",
        "capture_payment",
        {"intent_id": "pi_1", "amount": 29700},
        {"intent_id": "pi_1", "amount": 297},
        r"297\.00 EUR.*2\.97 EUR",
    ),
    ("return", "recall_parcel", "stopped", "stoped", "parcel is '' or 'stopped' or 'on_its_way'; you gave 'stoped'"),
    (
        "return",
        "refund_payment",
        REFUND,
        REFUND | {"amount": 18},
        r"amount is 18\.50 EUR \(1850 in minor units\), you gave 0\.18 EUR \(18 in minor units\), which is 18\.32",
    ),
    ("failed_refund", "pay_back", REFUND, REFUND | {"amount": 18}, r"18\.50 EUR.*0\.18 EUR"),
    ("dispute", "be_decided", "won", "needs_response", "decision is 'won' or 'lost'"),
]


@pytest.mark.parametrize(("name", "step", "right", "wrong", "words"), RESULTS)
def test_a_result_is_what_is_owed(runs, name, step, right, wrong, words):
    run = standing_at(runs[name], step)
    with pytest.raises(desk.DoesNotFit, match=words):
        skips.check_skip(run, result=wrong)
    skips.check_skip(run, result=right)


INPUTS: list[tuple[str, dict[str, Any], str]] = [
    (
        "checkout",
        {"amount": 37},
        r"order says: amount is 37\.00 EUR \(3700 in minor units\), you gave 0\.37 EUR \(37 in",
    ),
    ("checkout", {"currency": "USD"}, r"37\.00 EUR \(3700 in minor units\), you gave 37\.00 USD"),
    ("checkout", {"lines": [{"sku": "mug", "quantity": 20}]}, "lines is 2 × mug, you gave 20 × mug"),
    ("checkout", {"order_number": "S-1"}, "order_number is S-.*, you gave S-1"),
    ("checkout", {"order_id": "00000000-0000-0000-0000-000000000000"}, "you gave 00000000-"),
    ("trip", {"amount": 297}, r"297\.00 EUR.*2\.97 EUR"),
    ("trip", {"hotel_price": 168}, r"hotel_price is 168\.00 EUR.*1\.68 EUR"),
    ("trip", {"nights": 3}, "nights is 2, you gave 3"),
    ("return", {"amount": 18}, r"18\.50 EUR.*0\.18 EUR"),
    ("return", {"payment_intent": "pi_2"}, "payment_intent is pi_1, you gave pi_2"),
    ("return", {"lines": []}, "lines is 1 × mug, you gave nothing"),
    ("failed_refund", {"amount": 18}, r"18\.50 EUR.*0\.18 EUR"),
    ("failed_refund", {"refund_id": "re_2"}, "refund_id is re_1, you gave re_2"),
    ("dispute", {"payment_intent": "pi_2"}, "A case stays what was found"),
    ("books", {"theirs": 3700}, "A case stays what was found"),
]


@pytest.mark.parametrize(("name", "wrong", "words"), INPUTS)
def test_an_input_is_what_was_ordered(runs, name, wrong, words):
    with pytest.raises(desk.DoesNotFit, match=words):
        input_changes.check_input(runs[name], changes=wrong)


@pytest.mark.parametrize("name", ["checkout", "trip"])
def test_what_is_not_owed_can_be_changed(runs, name):
    input_changes.check_input(runs[name], changes={"email": "bob@example.com", "payment_method": "pm_card_mastercard"})


def figures_of(kind: Any) -> set[str]:
    return {one.name for one in fields(kind)} & FIGURES if is_dataclass(kind) else set()


def test_every_step_and_saga_of_the_shop_that_has_a_figure_has_it_checked():
    ours = [saga for saga in registry.all_sagas() if saga.steps[0].run.__module__.startswith("orders.")]
    assert {"checkout", "trip", "return", "failed_refund"} <= {saga.name for saga in ours}
    bare = [saga.name for saga in ours if figures_of(saga.input_type) and saga.validator_run is None]
    bare += [
        step.title
        for saga in ours
        for step in saga.steps
        if figures_of(step.result_type)
        and not (step.expected_run if "amount" in figures_of(step.result_type) else step.validator_run)
    ]
    assert bare == []


def test_every_amount_that_a_person_may_give_is_asked_for_as_money():
    ours = [saga for saga in registry.all_sagas() if saga.steps[0].run.__module__.startswith("orders.")]
    kinds = [saga.input_type for saga in ours] + [step.result_type_in_full for saga in ours for step in saga.steps]
    amounts = {"amount", "flight_price", "hotel_price"}
    asked = [one for kind in kinds for one in fields_of(kind) if one.path and one.path[-1] in amounts]
    assert len(asked) >= 10
    assert [one.name for one in asked if one.money is None] == []


def test_a_failed_refund_and_a_dispute_are_found_by_address_number_and_amount(admin_client, runs):
    order, returned = Order.objects.get(), Return.objects.get()
    assert runs["failed_refund"].subject == f"{returned.number} {order.number} 18.50 EUR ann@example.com"
    assert runs["dispute"].subject == f"{order.number} 37.00 EUR ann@example.com"
    for words in ("ann@example.com", order.number, "37.00"):
        page = admin_client.get("/admin/sagas/run/", {"q": words, "state": "all"}).content.decode()
        assert runs["dispute"].subject in page


def test_the_longest_address_does_not_keep_a_case_from_the_desk(client):
    returns().post(client)
    Order.objects.update(email="a" * 242 + "@example.com")
    with transaction.atomic():
        note_refund(Return.objects.get().pk, "re_1")
    assert refund_failed("re_1", "why")
    assert open_dispute(Disputed("dp_1", "pi_1", 3700, "EUR", "fraudulent", "needs_response", None, ""))
    assert Run.objects.filter(name__in=("dispute", "failed_refund"), subject__contains="a" * 200).count() == 2
