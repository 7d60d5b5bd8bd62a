"""The trip's stories, told with `sagas.testing`: no broker, no company."""

from __future__ import annotations

from datetime import date

import pytest

from orders.participants.flight import Seat, Ticket
from orders.participants.hotel import Room
from orders.participants.payments import Authorization, Capture
from orders.trips.events import (
    FlightBooked,
    FlightCancelled,
    HotelBooked,
    HotelCancelled,
    TicketIssued,
    TripCancelled,
    TripConfirmed,
    TripPaymentCaptured,
    TripPlaced,
)
from orders.trips.models import Trip
from orders.trips.sagas import (
    Journey,
    authorize_payment,
    book_flight,
    book_hotel,
    capture_payment,
    issue_ticket,
    send_itinerary,
)
from orders.trips.sagas import (
    trip as saga,
)
from sagas import TooLate
from sagas.testing import Scenario, given_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(trip: Trip) -> Scenario[Journey]:
    """The story of a trip that was placed; each company does what it is asked."""
    told = given_run(saga, key=trip.saga_key)
    told.when(authorize_payment).returns(Authorization("pi_1", 29700, "EUR"))
    told.when(book_flight).returns(Seat("seat", "booked"))
    told.when(book_hotel).returns(Room("room", "H-1", "booked"))
    told.when(capture_payment).returns(Capture("pi_1", 29700))
    return told.when(issue_ticket).returns(Ticket("seat", "TKT-1"))


def now(trip: Trip) -> Trip:
    trip.refresh_from_db()
    return trip


def test_the_input_says_all_that_the_companies_are_asked_for(
    trip: Trip, story: Scenario[Journey], friday: date
) -> None:
    wish = story.expect_completed().run.input
    assert (wish["flight"], wish["flight_price"], wish["hotel"], wish["hotel_price"]) == ("SA105", 12900, "azul", 16800)
    assert (wish["arrives"], wish["nights"], wish["amount"]) == (friday.isoformat(), 2, 29700)


def test_a_trip_is_booked_and_its_facts_are_published(trip: Trip, story: Scenario[Journey]) -> None:
    story.expect_completed().expect_published(TripPlaced).expect_published(FlightBooked).expect_published(HotelBooked)
    story.expect_published(TripPaymentCaptured, TripPaymentCaptured(trip.pk, "pi_1", 29700, "EUR"))
    story.expect_published(TicketIssued, TicketIssued(trip.pk, "TKT-1"))
    story.expect_published(TripConfirmed, key=trip.saga_key)
    found = now(trip)
    assert (found.status, found.ticket, found.room) == ("confirmed", "TKT-1", "H-1")
    assert (found.payment_intent, found.charged) == ("pi_1", 29700)


def test_when_the_hotel_is_full_the_flight_is_cancelled_and_nothing_is_charged(
    trip: Trip, story: Scenario[Journey]
) -> None:
    story.when(book_hotel).refuses("no_rooms").expect_undone(authorize_payment, book_flight)
    story.expect_attempts(capture_payment, 0).expect_nothing_published(TripPaymentCaptured)
    story.expect_published(FlightCancelled).expect_nothing_published(HotelBooked)
    story.expect_published(TripCancelled, TripCancelled(trip.pk, trip.number, "ann@example.com", "no_rooms"))
    found = now(trip)
    assert (found.status, found.status_reason, found.charged) == ("cancelled", "no_rooms", 0)


def test_when_the_flight_is_full_the_hotel_is_not_asked(trip: Trip, story: Scenario[Journey]) -> None:
    story.when(book_flight).refuses("no_seats").expect_undone(authorize_payment)
    story.expect_attempts(book_hotel, 0).expect_nothing_published(FlightCancelled)
    assert now(trip).status == "cancelled"


def test_a_declined_card_books_nothing(story: Scenario[Journey]) -> None:
    story.when(authorize_payment).refuses("card_declined").expect_undone().expect_attempts(book_flight, 0)


def test_a_card_that_is_declined_at_the_capture_gives_back_seat_and_room(trip: Trip, story: Scenario[Journey]) -> None:
    story.when(capture_payment).refuses("card_declined")
    story.expect_undone(authorize_payment, book_flight, book_hotel)
    story.expect_published(FlightCancelled).expect_published(HotelCancelled)
    assert now(trip).charged == 0


def test_a_hotel_that_never_answers_clearly_is_undone_as_well(story: Scenario[Journey]) -> None:
    story.when(book_hotel).answer_lost(times=None).expect_undone(authorize_payment, book_flight, book_hotel)


def test_lost_answers_are_asked_for_again(story: Scenario[Journey]) -> None:
    story.when(book_flight).answer_lost().when(book_hotel).answer_lost(times=2).when(capture_payment).answer_lost()
    story.expect_completed().expect_attempts(book_hotel, 3)


def test_a_traveller_who_cancels_before_the_capture_is_not_charged(trip: Trip, story: Scenario[Journey]) -> None:
    story.cancelled_before(capture_payment).expect_undone(authorize_payment, book_flight, book_hotel)
    story.expect_attempts(capture_payment, 0)
    assert now(trip).status == "cancelled"


def test_a_traveller_who_cancels_after_the_capture_is_told_that_it_is_too_late(story: Scenario[Journey]) -> None:
    with pytest.raises(TooLate):
        _ = story.cancelled_before(issue_ticket).run


def test_a_paid_trip_gets_its_ticket_however_long_that_takes(story: Scenario[Journey]) -> None:
    story.when(issue_ticket).fails(times=20).when(send_itinerary).worker_lost(times=3)
    story.expect_completed().expect_attempts(issue_ticket, 21)


def test_a_ticket_that_is_refused_after_the_payment_is_a_persons_matter(trip: Trip, story: Scenario[Journey]) -> None:
    story.when(issue_ticket).refuses("cancelled").expect_stuck(at=issue_ticket)
    assert (now(trip).status, trip.charged) == ("needs_attention", 29700)


def test_a_flight_that_cannot_be_cancelled_is_a_persons_matter(trip: Trip, story: Scenario[Journey]) -> None:
    story.when(book_hotel).refuses("no_rooms").when_undoing(book_flight).refuses("too_late")
    story.expect_stuck(code="no_rooms", at=book_flight)
    assert now(trip).status == "needs_attention"
