"""A trip is accepted once, whole, and at the price that was shown."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from orders.errors import InvalidOrder, KeyReused, OrderChanged, UnexpectedStatus
from orders.trips import status
from orders.trips.events import TripPlaced
from orders.trips.models import FlightOffer, Trip
from orders.trips.services import cancel_trip, place_trip
from orders.trips.validation import PlaceTrip, parse_trip
from outbox.testing import published
from sagas.models import Run
from tests.concurrency.test_sagas import at_once

pytestmark = pytest.mark.django_db
BODY = {"email": "ann@example.com", "payment_method": "pm_card_visa", "flight": "SA105", "hotel": "azul", "nights": 2}


def test_a_trip_and_its_saga_come_from_one_commit(trip: Trip) -> None:
    run = Run.objects.get(name="trip", key=trip.saga_key)
    assert (trip.number[:2], trip.total, run.subject) == ("T-", Decimal("297.00"), f"{trip.number} ann@example.com")
    assert published(TripPlaced) == [TripPlaced(trip.pk, trip.number, "ann@example.com", 29700, "EUR")]


def test_the_same_key_and_wish_is_the_same_trip(trip: Trip, wish: PlaceTrip) -> None:
    again = place_trip(wish, idempotency_key="k1")
    assert (again.trip.pk, again.created, Run.objects.count()) == (trip.pk, False, 1)
    with pytest.raises(KeyReused):
        place_trip(replace(wish, nights=3), idempotency_key="k1")


@pytest.mark.django_db(transaction=True)
def test_a_double_click_over_two_connections_makes_one_trip(wish: PlaceTrip) -> None:
    placed = at_once(*[lambda: place_trip(wish, idempotency_key="twice")] * 3)
    assert sorted(one.created for one in placed) == [False, False, True]
    assert len({one.trip.pk for one in placed}) == 1
    assert (Trip.objects.count(), Run.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"flight": "none"}, "flight"),
        ({"hotel": "none"}, "hotel"),
        ({"hotel": "fjord"}, "hotel"),
        ({"total": Decimal("296.99")}, "total"),
    ],
)
def test_what_is_not_offered_like_that_is_not_accepted(wish: PlaceTrip, change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidOrder) as caught:
        place_trip(replace(wish, **change), idempotency_key="k1")
    assert list(caught.value.errors) == [field]
    assert not Trip.objects.exists()


def test_a_price_that_rose_since_the_page_was_shown_is_told_and_not_booked(wish: PlaceTrip) -> None:
    FlightOffer.objects.update(price=Decimal(139))
    with pytest.raises(InvalidOrder, match=r"The price has changed to 307\.00 EUR\. Nothing was booked\."):
        place_trip(replace(wish, total=Decimal(297)), idempotency_key="k1")


def test_a_full_hotel_can_be_asked_for(wish: PlaceTrip) -> None:
    """What is left is a copy, and may be old: the hotel itself says no."""
    assert place_trip(replace(wish, hotel="mirante"), idempotency_key="k1").created


def test_a_body_becomes_a_wish() -> None:
    assert parse_trip({**BODY, "total": "297.00"}).total == Decimal("297.00")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"payment_method": "pm_none"}, "payment_method"),
        ({"flight": ""}, "flight"),
        ({"flight": "a\0"}, "flight"),
        ({"hotel": 7}, "hotel"),
        ({"nights": 0}, "nights"),
        ({"nights": 4}, "nights"),
        ({"nights": True}, "nights"),
        ({"nights": "2"}, "nights"),
        ({"total": "NaN"}, "total"),
        ({"total": "9e999999"}, "total"),
        ({"total": None}, "total"),
        ({"total": 297}, "total"),
        ({"seats": 2}, "seats"),
    ],
)
def test_what_does_not_fit_is_named_by_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidOrder) as caught:
        parse_trip({**BODY, **change})
    assert list(caught.value.errors) == [field]


def test_a_trip_is_cancelled_once_however_often_that_is_asked(trip: Trip) -> None:
    assert cancel_trip(trip)
    assert cancel_trip(trip)
    trip.refresh_from_db()
    assert trip.status in {"cancelling", "cancelled"}


@pytest.mark.parametrize(("ended", "undone"), [("confirmed", False), ("cancelled", True)])
def test_cancelling_a_trip_whose_run_was_pruned_says_how_it_ended(trip: Trip, ended: str, undone: bool) -> None:
    Run.objects.all().delete()
    Trip.objects.update(status=ended)
    trip.refresh_from_db()
    assert cancel_trip(trip) is undone


def test_a_trip_never_moves_against_its_order_and_a_lost_update_is_seen(trip: Trip) -> None:
    stale = Trip.objects.get(pk=trip.pk)
    status.confirm_trip(trip.pk, "TKT-1", "H-1")
    with pytest.raises(OrderChanged):
        status.save(stale, ticket="TKT-2")
    with pytest.raises(UnexpectedStatus):
        status.mark_needs_attention(trip.pk, "why")
