"""Each letter, and what may become of its thing afterwards: a letter corrects it, or there is a reason why none does.

A letter without rows here fails a test, as does an ending that writes another letter than its row says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.db import transaction
from django.test import Client
from django.test.signals import template_rendered
from django.utils import timezone

import orders
from orders import wording
from orders.errors import UnexpectedStatus
from orders.lifecycle import payment, status
from orders.models import Order
from orders.participants.payments import Action
from orders.returns import errors as return_errors
from orders.returns import status as returning
from orders.returns import wording as return_wording
from orders.returns.models import Return
from orders.trips import status as trips
from orders.trips import wording as trip_wording
from orders.trips.models import Trip
from outbox import testing

from .. import doors

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(orders.__file__).parent
PARTS = {"orders/mail/money.txt"}
"""Templates that letters include."""

NEVER = "never"
"""The code does not let a thing go that way."""
DESK = "none: its page says that a person looks at it, and promises nothing; what the letter says still holds"
SAME = "none: it is what was said"
OTHER_WAY = "none: another thing, with letters of its own, and what was is still true"

TABLE: dict[tuple[str, str], str] = {
    ("orders/mail/received.txt", "confirmed"): "orders/mail/confirmation.txt",
    ("orders/mail/received.txt", "cancelled"): "orders/mail/apology.txt",
    ("orders/mail/received.txt", "on the desk"): DESK,
    ("orders/mail/received.txt", "charged and on the desk"): DESK,
    ("orders/mail/confirm_payment.txt", "confirmed"): "orders/mail/confirmation.txt",
    ("orders/mail/confirm_payment.txt", "cancelled"): "orders/mail/apology.txt",
    ("orders/mail/confirm_payment.txt", "on the desk"): DESK,
    ("orders/mail/confirmation.txt", "cancelled"): NEVER,
    ("orders/mail/confirmation.txt", "on the desk"): NEVER,
    ("orders/mail/confirmation.txt", "closed as undone by a person"): "orders/mail/apology.txt",
    ("orders/mail/confirmation.txt", "returned"): OTHER_WAY,
    ("orders/mail/cancellation.txt", "confirmed"): NEVER,
    ("orders/mail/cancellation.txt", "on the desk"): NEVER,
    ("orders/mail/cancellation.txt", "closed as undone by a person"): SAME,
    ("orders/mail/apology.txt", "confirmed"): NEVER,
    ("orders/mail/apology.txt", "on the desk"): NEVER,
    ("orders/mail/apology.txt", "closed as undone by a person"): SAME,
    ("returns/mail/refunded.txt", "refund failed"): "returns/mail/unpaid.txt",
    ("returns/mail/refunded.txt", "nothing is owed after all"): "returns/mail/withdrawn.txt",
    ("returns/mail/refunded.txt", "failed and paid at once"): SAME,
    ("returns/mail/refunded.txt", "declined"): NEVER,
    ("returns/mail/unpaid.txt", "paid again"): "returns/mail/paid_again.txt",
    ("returns/mail/unpaid.txt", "nothing is owed after all"): "returns/mail/withdrawn.txt",
    ("returns/mail/unpaid.txt", "on the desk"): DESK,
    ("returns/mail/paid_again.txt", "refund failed"): "returns/mail/unpaid.txt",
    ("returns/mail/paid_again.txt", "nothing is owed after all"): "returns/mail/withdrawn.txt",
    ("returns/mail/withdrawn.txt", "paid again"): NEVER,
    ("returns/mail/declined.txt", "paid again"): NEVER,
    ("returns/mail/declined.txt", "on the desk"): NEVER,
    ("trips/mail/confirm_payment.txt", "confirmed"): "trips/mail/itinerary.txt",
    ("trips/mail/confirm_payment.txt", "cancelled"): "trips/mail/cancelled.txt",
    ("trips/mail/confirm_payment.txt", "on the desk"): DESK,
    ("trips/mail/itinerary.txt", "cancelled"): NEVER,
    ("trips/mail/itinerary.txt", "on the desk"): NEVER,
    ("trips/mail/cancelled.txt", "confirmed"): NEVER,
    ("trips/mail/cancelled.txt", "on the desk"): NEVER,
}


def test_every_letter_is_in_the_table():
    found = {str(Path(*path.parts[-3:])) for path in ROOT.rglob("templates/*/mail/*.txt")} - PARTS
    assert found == {letter for letter, _ in TABLE}


@pytest.fixture
def rendered() -> Iterator[list[str]]:
    """The templates of the letters, in the order in which they are written."""
    names: list[str] = []

    def note(template: Any, **_: object) -> None:
        if "/mail/" in template.name and template.name not in PARTS:
            names.append(template.name)

    template_rendered.connect(note)
    yield names
    template_rendered.disconnect(note)


def action() -> Action:
    return Action("pi_1", "https://bank.example/1", timezone.now() - timedelta(seconds=1))


def order() -> Any:
    door = doors.orders()
    door.post(Client())
    return Order.objects.get().pk


def trip() -> Any:
    doors.trips().post(Client())
    return Trip.objects.get().pk


def returned() -> Any:
    doors.returns().post(Client())
    return Return.objects.get().pk


def refunded(pk: Any, refund: str = "re_1") -> None:
    returning.mark_refunding(pk)
    returning.note_refund(pk, refund)
    returning.mark_done(pk)


def failed(pk: Any) -> None:
    assert returning.mark_unpaid(pk, Return.objects.get(pk=pk).refund_id, "the bank says no")


def paid_again(pk: Any) -> None:
    returning.mark_refunding(pk)
    returning.note_refund(pk, "re_2")
    returning.mark_paid_back(pk)


def settled(pk: Any) -> None:
    """Closed by a person as undone, after the refund had failed."""
    if Return.objects.get(pk=pk).refunded_at is not None:
        failed(pk)
    returning.mark_declined(pk, "")


def failed_and_paid(pk: Any) -> None:
    failed(pk)
    paid_again(pk)


def confirmed(pk: Any) -> None:
    payment.note_charge(pk, "pi_1", 3700)
    status.confirm_order(pk, "TRK0000000001")


Step = Callable[[Any], object]
AT_ONCE: Step = lambda _pk: None  # noqa: E731
BEGIN: dict[str, tuple[Callable[[], Any], list[Step]]] = {
    "orders/mail/received.txt": (order, [AT_ONCE]),
    "orders/mail/confirm_payment.txt": (order, [AT_ONCE, lambda pk: payment.ask_to_confirm(pk, action())]),
    "orders/mail/confirmation.txt": (order, [AT_ONCE, confirmed]),
    "orders/mail/cancellation.txt": (order, [lambda pk: status.mark_cancelled(pk, "card_declined")]),
    "orders/mail/apology.txt": (order, [AT_ONCE, lambda pk: status.mark_cancelled(pk, "card_declined")]),
    "returns/mail/refunded.txt": (returned, [refunded]),
    "returns/mail/unpaid.txt": (returned, [refunded, failed]),
    "returns/mail/paid_again.txt": (returned, [refunded, failed, paid_again]),
    "returns/mail/withdrawn.txt": (returned, [refunded, settled]),
    "returns/mail/declined.txt": (returned, [lambda pk: returning.mark_declined(pk, "never_left")]),
    "trips/mail/confirm_payment.txt": (trip, [lambda pk: trips.ask_to_confirm(pk, action())]),
    "trips/mail/itinerary.txt": (trip, [lambda pk: trips.confirm_trip(pk, "T", "R")]),
    "trips/mail/cancelled.txt": (trip, [lambda pk: trips.mark_cancelled(pk, "no_rooms")]),
}
"""What a letter is about, and what happens until it is written; letters go out after each."""


def charged_and_on_the_desk(pk: Any) -> None:
    payment.note_charge(pk, "pi_1", 3700)
    status.mark_needs_attention(pk, "the goods are gone")


ENDINGS: dict[str, dict[str, Step]] = {
    "orders": {
        "confirmed": confirmed,
        "cancelled": lambda pk: status.mark_cancelled(pk, "card_declined"),
        "on the desk": lambda pk: status.mark_needs_attention(pk, "no answer"),
        "charged and on the desk": charged_and_on_the_desk,
        "closed as undone by a person": lambda pk: status.mark_cancelled(pk, "compensated_by_hand", by_hand=True),
        "returned": lambda pk: refunded(returned_of(pk)),
    },
    "returns": {
        "refund failed": failed,
        "nothing is owed after all": settled,
        "failed and paid at once": failed_and_paid,
        "paid again": paid_again,
        "declined": lambda pk: returning.mark_declined(pk, "never_left"),
        "on the desk": lambda pk: returning.mark_needs_attention(pk, "no answer"),
    },
    "trips": {
        "confirmed": lambda pk: trips.confirm_trip(pk, "T", "R"),
        "cancelled": lambda pk: trips.mark_cancelled(pk, "no_rooms"),
        "on the desk": lambda pk: trips.mark_needs_attention(pk, "no answer"),
    },
}


def returned_of(order_id: Any) -> Any:
    body = {"lines": [{"sku": "mug", "quantity": 1}]}
    headers = {"Idempotency-Key": "r1"}
    Client().post(f"/api/orders/{order_id}/returns", body, content_type="application/json", headers=headers)
    return Return.objects.get().pk


def committed(step: Step, pk: Any) -> None:
    with transaction.atomic():
        step(pk)


@pytest.mark.parametrize(("letter", "ending"), TABLE)
def test_a_letter_that_stops_being_true_is_taken_back_once(letter, ending, rendered, mailoutbox: list[EmailMessage]):
    make, steps = BEGIN[letter]
    pk = make()
    for step in steps:
        committed(step, pk)
        testing.drain()
    assert rendered[-1] == letter
    rendered.clear()
    end, expected = ENDINGS[letter.partition("/")[0]][ending], TABLE[letter, ending]
    if expected == NEVER:
        with pytest.raises((UnexpectedStatus, return_errors.UnexpectedStatus)):
            committed(end, pk)
        return
    committed(end, pk)
    for _ in range(2):
        testing.drain()
    assert [one for one in rendered if expected != OTHER_WAY] == ([expected] if expected.endswith(".txt") else [])


def test_whatever_is_on_the_desk_says_on_its_page_that_a_person_looks_at_it():
    thing = Order(status=Order.Status.NEEDS_ATTENTION)
    assert "A person is looking at your order." in wording.customer_reason(thing)
    assert "A person is looking at your trip." in trip_wording.traveller_reason(Trip(status="needs_attention"))
    back = Return(status="needs_attention", amount=18, currency="EUR")
    assert "One of us is looking at it." in return_wording.state(back, "")
    back.refund_id = "re_1"
    said = return_wording.state(back, "")
    assert "did not arrive" in said
    assert "You need not do anything" not in said
