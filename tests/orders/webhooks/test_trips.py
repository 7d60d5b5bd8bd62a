"""A report is a doorbell for a trip as for an order: it settles what waits or is in doubt, and is never believed."""

from __future__ import annotations

import pytest
from django.test import Client

from orders.participants import flight, hotel
from orders.trips.models import Trip
from sagas.engine.run_ready import ring_on_commit
from sagas.engine.transitions import ready
from sagas.models import Act, Run, Step
from tests.orders.doors import trips

from .bank import Bank
from .driving import carry, until_much_later
from .posting import event, post

pytestmark = pytest.mark.django_db
AUTHORIZE, CAPTURE = "authorize_payment", "capture_payment"


@pytest.fixture
def trip(bank: Bank, client: Client, monkeypatch: pytest.MonkeyPatch) -> Trip:
    """Airline and hotel do as they are asked."""
    monkeypatch.setattr(flight, "book", lambda *_, key, **__: flight.Seat(key, "booked"))
    monkeypatch.setattr(flight, "cancel", lambda *_, **__: None)
    monkeypatch.setattr(flight, "issue_ticket", lambda *_, key, **__: flight.Ticket(key, "TKT-1"))
    monkeypatch.setattr(hotel, "book", lambda *_, key, **__: hotel.Room(key, "H-1", "booked"))
    monkeypatch.setattr(hotel, "cancel", lambda *_, **__: None)
    assert trips().post(client).status_code == 201
    return Trip.objects.get()


def carried(trip: Trip) -> Trip:
    carry(trip)  # type: ignore[arg-type]  # it asks no more of it than of an order
    trip.refresh_from_db()
    return trip


def reported(type_: str, trip: Trip, **more: str) -> Trip:
    assert post(event(type_, trip.number, **more)).status_code == 200
    return carried(trip)


def step(name: str) -> tuple[str, int]:
    found = Step.objects.get(name=name)
    return found.status, found.attempts


@pytest.fixture
def stuck(trip: Trip, bank: Bank) -> Trip:
    """A trip on the desk: the capture was applied, no answer came, and nobody could be asked."""
    bank.answers_lost, bank.silent = 4, True
    for _ in range(4):
        carried(trip)
        Step.objects.filter(status="waiting").update(next_attempt_at=None)
        for run in Run.objects.filter(status="running"):
            ring_on_commit(ready(run), run)
    assert carried(trip).status == "needs_attention"
    assert step(CAPTURE)[0] == "in_doubt"
    return trip


def test_a_traveller_who_confirmed_is_seen_at_once(trip: Trip, bank: Bank) -> None:
    bank.asks = True
    assert carried(trip).action_url == "https://bank.example/3ds"
    until_much_later(AUTHORIZE)
    assert reported("payment_intent.amount_capturable_updated", trip).status == "processing"
    assert step(AUTHORIZE) == ("waiting", 1)
    bank.state = "requires_capture"
    assert reported("payment_intent.amount_capturable_updated", trip).status == "confirmed"


def test_a_lost_answer_is_settled_by_a_report_and_not_by_the_backoff(trip: Trip, bank: Bank) -> None:
    bank.answers_lost = 1
    carried(trip)
    until_much_later(CAPTURE)
    assert reported("payment_intent.succeeded", trip).status == "confirmed"
    assert bank.charges == 1


@pytest.mark.parametrize("intent", ["pi_1", "pi_renewed"])
def test_a_trip_on_the_desk_is_settled_by_a_report_and_the_record_says_by_whom(
    stuck: Trip, bank: Bank, intent: str
) -> None:
    assert reported("payment_intent.succeeded", stuck, intent=intent).status == "confirmed"
    assert bank.charges == 1
    act = Act.objects.get()
    assert (act.actor_name, act.verb) == ("the card processor", "retry")
    assert act.reason == "It reported payment_intent.succeeded: the payment is succeeded."


def test_a_trip_on_the_desk_whose_payment_was_cancelled_is_undone(stuck: Trip, bank: Bank) -> None:
    bank.state, bank.silent, bank.charges = "canceled", False, 0
    assert reported("payment_intent.canceled", stuck).status == "cancelled"
    assert bank.charges == 0


@pytest.mark.parametrize("state", ["requires_capture", "processing"])
def test_a_trip_on_the_desk_stays_there_while_the_bank_has_not_decided(stuck: Trip, bank: Bank, state: str) -> None:
    bank.state = state
    assert reported("payment_intent.succeeded", stuck).status == "needs_attention"
    assert not Act.objects.exists()


def test_a_report_about_the_payment_of_another_shop_moves_nothing(stuck: Trip, bank: Bank) -> None:
    bank.ours = False
    assert reported("payment_intent.succeeded", stuck).status == "needs_attention"
    assert not Act.objects.exists()
