"""The trip saga against the real stand-ins: what their ledgers say was done, whatever went wrong on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import requests
from django.core.mail import EmailMessage
from django.db import transaction
from django.test import Client
from django.utils import timezone

from orders.reconciliation.nightly import reconcile
from orders.reconciliation.sagas import order_page
from orders.trips.models import Trip
from orders.trips.sagas import trip as saga
from orders.trips.services import cancel_trip
from orders.trips.timeline import Timeline
from orders.webhooks.events import PaymentReported
from outbox import publish, testing
from sagas.models import Run
from sagas.testing import given_run
from tests.concurrency.test_sagas import at_once
from tests.support.sagas.driver import carry, carry_once, step_once
from tests.support.standins import Standins

from .companies import Travel

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def travel(standins: Standins) -> Travel:
    return Travel(standins)


def run_of(trip: Trip) -> Run:
    return Run.objects.get(key=trip.saga_key)


def carried(trip: Trip) -> Trip:
    """The trip, carried to its end."""
    carry(run_of(trip).pk)
    trip.refresh_from_db()
    return trip


def test_a_trip_is_booked_ticketed_and_charged_once(travel: Travel) -> None:
    before, rooms = travel.left()
    trip = carried(travel.place())
    assert (trip.status, travel.differences(trip)) == ("confirmed", [])
    assert (trip.ticket[:3], trip.room[:2], trip.charged) == ("TKT", "H-", 30100)
    seats, left = travel.left()
    assert seats == before - 1
    assert [rooms[night] - left[night] for night in sorted(left)] == [1, 1, 0]


def test_when_the_hotel_is_full_the_flight_is_cancelled_and_the_statement_shows_nothing(travel: Travel) -> None:
    seats, _ = travel.left("SA105")
    trip = carried(travel.place(flight="SA105", hotel="pensao-mirante"))
    assert (trip.status, trip.status_reason) == ("cancelled", "no_rooms")
    assert travel.did(trip) == [
        ("payments", "authorized"),
        ("payments", "canceled"),
        ("flight", "booked"),
        ("flight", "cancelled"),
    ]
    assert (travel.statement(trip), travel.left("SA105")[0]) == ([], seats)


def test_when_the_flight_is_full_no_room_is_kept(travel: Travel) -> None:
    travel.set_flight("SA101", left=0)
    trip = carried(travel.place(flight="SA101", hotel="casa-azul"))
    assert (trip.status, trip.status_reason) == ("cancelled", "no_seats")
    assert travel.differences(trip) == []
    assert not [one for one in travel.did(trip) if one[0] == "flight"]


def test_a_declined_card_books_nothing(travel: Travel) -> None:
    trip = carried(travel.place(card="pm_card_visa_chargeDeclined"))
    assert (trip.status, trip.status_reason, travel.differences(trip)) == ("cancelled", "card_declined", [])
    assert not [effect for effect in travel.did(trip) if effect[0] != "payments"]


@pytest.mark.parametrize(
    ("who", "operation"),
    [
        ("payments", "confirm"),
        ("flight", "book"),
        ("hotel", "book"),
        ("payments", "capture"),
        ("flight", "ticket"),
    ],
)
def test_an_answer_that_is_lost_is_asked_for_again_and_takes_effect_once(
    travel: Travel, who: str, operation: str
) -> None:
    trip = travel.place()
    travel.standins.fault(who, operation=operation, kind="lose_answer", order=trip.number, times=1)
    assert carried(trip).status == "confirmed"
    assert travel.differences(trip) == []


@pytest.mark.parametrize(("who", "operation"), [("payments", "cancel"), ("flight", "cancel"), ("hotel", "cancel")])
def test_an_undo_whose_answer_is_lost_takes_effect_once(travel: Travel, who: str, operation: str) -> None:
    trip = travel.place()
    travel.standins.fault(who, operation=operation, kind="lose_answer", order=trip.number, times=1)
    travel.standins.fault("payments", operation="capture", kind="refuse", order=trip.number)
    assert carried(trip).status == "cancelled"
    assert travel.differences(trip) == []
    assert travel.did(trip).count(("hotel", "cancelled")) == travel.did(trip).count(("flight", "cancelled")) == 1


def test_a_hotel_that_never_answers_has_its_room_back(travel: Travel) -> None:
    trip = travel.place()
    travel.standins.fault("hotel", operation="book", kind="lose_answer", order=trip.number, times=5)
    given_run(saga, key=trip.saga_key).calling_participants().expect_undone(*list(saga.declared.values())[:3])
    trip.refresh_from_db()
    assert (trip.status, travel.differences(trip)) == ("cancelled", [])
    assert ("hotel", "cancelled") in travel.did(trip)


def test_a_price_that_changed_since_the_page_was_shown_books_nothing(travel: Travel) -> None:
    trip = travel.place()
    travel.set_flight("SA220", price=160_00)
    try:
        assert (carried(trip).status_reason, travel.differences(trip)) == ("price_changed", [])
    finally:
        travel.set_flight("SA220", price=149_00)


def test_a_traveller_whose_bank_asks_confirms_and_the_trip_goes_on_at_once(
    travel: Travel, client: Client, mailoutbox: list[EmailMessage]
) -> None:
    trip = asked(travel)
    page = client.get(f"/trips/{trip.pk}/").content.decode()
    assert f'href="{trip.action_url}"' in page
    assert "Your trip goes on as soon as you have." in page
    testing.drain()
    assert [letter.subject for letter in mailoutbox] == [f"Please confirm the payment of your trip {trip.number}"]
    assert f"/trips/{trip.pk}/returned" in answered(trip, "confirm")
    assert not is_looked_at_soon(trip)
    assert client.get(f"/trips/{trip.pk}/returned")["Location"] == f"/trips/{trip.pk}/"
    assert is_looked_at_soon(trip)
    trip = carried(trip)
    assert (trip.status, trip.action_url, travel.differences(trip)) == ("confirmed", "", [])


def test_a_traveller_who_refuses_at_the_bank_books_nothing(travel: Travel) -> None:
    trip = asked(travel)
    answered(trip, "refuse")
    trip = carried(trip)
    assert (trip.status, trip.status_reason, travel.did(trip)) == (
        "cancelled",
        "authentication_failed",
        [("payments", "canceled")],
    )


def test_a_report_of_the_bank_has_the_trip_ask_it_now(travel: Travel) -> None:
    trip = asked(travel)
    answered(trip, "confirm")
    assert not is_looked_at_soon(trip)
    with transaction.atomic():
        reported = PaymentReported("evt_1", "payment_intent.amount_capturable_updated", trip.payment_intent, "")
        publish(reported, key="")
    testing.drain()
    assert is_looked_at_soon(trip)


def test_the_nightly_comparison_knows_trips(travel: Travel) -> None:
    paid, undone = carried(travel.place()), carried(travel.place(flight="SA105", hotel="pensao-mirante"))
    now = timezone.now()
    reconcile(now - timedelta(minutes=5), now + timedelta(days=1))
    for one in (paid, undone):
        assert not Run.objects.filter(name="books", subject__startswith=f"{one.number} ").exists()
    Trip.objects.filter(pk=paid.pk).update(charged=1)
    reconcile(now - timedelta(minutes=5), now + timedelta(days=1))
    (case,) = Run.objects.filter(name="books", subject__startswith=f"{paid.number} ")
    assert (case.input["ours"], case.input["theirs"]) == (1, 30100)
    assert order_page(paid.number) == f"/admin/trips/trip/{paid.pk}/change/"


def asked(travel: Travel) -> Trip:
    """A trip whose traveller is to confirm the payment."""
    trip = travel.place(card="pm_card_threeDSecure2Required")
    step_once(run_of(trip).pk)
    trip.refresh_from_db()
    assert trip.action_url
    assert travel.did(trip) == []
    return trip


def is_looked_at_soon(trip: Trip) -> bool:
    """Not in a minute, as when nobody says that the traveller has answered."""
    wake_at = run_of(trip).wake_at
    return wake_at is not None and wake_at < timezone.now() + timedelta(seconds=20)


def answered(trip: Trip, word: str) -> str:
    """The traveller's word on the bank's page; where the browser is sent then."""
    response = requests.post(trip.action_url, data={"answer": word}, timeout=10, allow_redirects=False)
    assert response.status_code == 303, response.text
    return response.headers["Location"]


def test_too_late_to_cancel_once_the_card_is_being_charged(travel: Travel) -> None:
    trip = travel.place()
    run_id = run_of(trip).pk
    while run_of(trip).position < saga.named("issue_ticket").position:
        carry_once(run_id)
    assert not cancel_trip(trip)
    assert carried(trip).status == "confirmed"
    assert "Your card was charged 301.00 EUR, once." in Timeline.of(trip).charge


def test_of_two_travellers_for_the_last_seat_one_flies_and_the_other_is_not_charged(travel: Travel) -> None:
    travel.set_flight("SA101", left=1)
    one_wins(travel, lambda: travel.place(flight="SA101", hotel="casa-azul"), loses="no_seats")


def test_of_two_travellers_for_the_last_room_one_stays_and_the_others_seat_is_given_back(travel: Travel) -> None:
    travel.set_rooms("fjord-house", 1)
    seats, _ = travel.left()
    one_wins(travel, lambda: travel.place(hotel="fjord-house", nights=1), loses="no_rooms")
    assert travel.left()[0] == seats - 1


def test_of_cancel_and_capture_exactly_one_wins(travel: Travel) -> None:
    for _ in range(4):
        trip = travel.place()
        for _ in range(3):
            step_once(run_of(trip).pk)
        cancelled, _ = at_once(lambda trip=trip: cancel_trip(trip), lambda trip=trip: step_once(run_of(trip).pk))
        assert carried(trip).status == ("cancelled" if cancelled else "confirmed")
        assert travel.differences(trip) == []


def one_wins(travel: Travel, place: Callable[[], Trip], *, loses: str) -> None:
    trips = [place(), place()]
    results = at_once(*[lambda trip=trip: carried(trip) for trip in trips])
    assert not [one for one in results if isinstance(one, Exception)], results
    assert sorted(trip.status for trip in trips) == ["cancelled", "confirmed"]
    assert {trip.status: trip.status_reason for trip in trips} == {"confirmed": "", "cancelled": loses}
    assert [travel.differences(trip) for trip in trips] == [[], []]
