"""What can be booked: copies of what the airline and the hotels last said. A booking asks the companies themselves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from django.core.cache import cache
from django.utils import timezone

from orders.money import CURRENCIES, major_units
from orders.participants import flight, hotel
from orders.participants.errors import AnswerLost
from sagas.errors import RetryAfter, SagaError

from .models import FlightOffer, HotelOffer

T = TypeVar("T")
Offer = TypeVar("Offer", flight.Offer, hotel.Offer)
log = logging.getLogger(__name__)
FRESH = 3  # seconds for which an answer is shown before the companies are asked again
PATIENCE = timedelta(seconds=1)  # a page does not wait longer for a company: it shows what that last said


@dataclass(frozen=True, slots=True)
class Destination:
    """Where and when a trip can go."""

    city: str
    departs: date


def refresh_if_old() -> None:
    """Ask the companies, at most every few seconds in each process. Call it outside of transactions."""
    if cache.add("trips.offers", True, timeout=FRESH):
        refresh()


def refresh() -> None:
    """Copy what the companies offer. When one does not answer, its old offers stay."""
    if (flights := _answer("airline", lambda: flight.offers(timeout=PATIENCE))) is not None:
        _copy_flights(_sellable(flights))
    if (hotels := _answer("hotels", lambda: hotel.offers(timeout=PATIENCE))) is not None:
        _copy_hotels(_sellable(hotels))


def destinations() -> list[Destination]:
    """The days and cities to which a flight goes from today on, soonest first."""
    rows = FlightOffer.objects.filter(departs__gte=timezone.now().date()).order_by("departs", "city")
    return [Destination(city, departs) for departs, city in rows.values_list("departs", "city").distinct()]


def flights_to(to: Destination) -> list[FlightOffer]:
    """The flights there on that day, those with seats first."""
    found = FlightOffer.objects.filter(city=to.city, departs=to.departs)
    return sorted(found, key=lambda one: (one.left == 0, one.price))


def hotels_in(to: Destination) -> list[HotelOffer]:
    """The hotels there, those with a room for the first night first."""
    found = HotelOffer.objects.filter(city=to.city)
    return sorted(found, key=lambda one: (one.left_on(to.departs) == 0, one.price))


def _answer(who: str, ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except (SagaError, RetryAfter, AnswerLost) as error:
        log.warning("The %s do not say what they offer; the old offers stay: %s", who, error)
        return None


def _copy_flights(offers: list[flight.Offer]) -> None:
    rows = [
        FlightOffer(
            code=one.code,
            name=one.name,
            city=one.city,
            departs=one.departs,
            price=major_units(one.price, one.currency),
            currency=one.currency,
            left=one.left,
        )
        for one in offers
    ]
    fields = ["name", "city", "departs", "price", "currency", "left"]
    FlightOffer.objects.bulk_create(rows, update_conflicts=True, unique_fields=["code"], update_fields=fields)
    FlightOffer.objects.exclude(code__in=[one.code for one in offers]).delete()


def _copy_hotels(offers: list[hotel.Offer]) -> None:
    rows = [
        HotelOffer(
            code=one.code,
            name=one.name,
            city=one.city,
            price=major_units(one.price, one.currency),
            currency=one.currency,
            left={night.isoformat(): left for night, left in one.left.items()},
        )
        for one in offers
    ]
    fields = ["name", "city", "price", "currency", "left"]
    HotelOffer.objects.bulk_create(rows, update_conflicts=True, unique_fields=["code"], update_fields=fields)
    HotelOffer.objects.exclude(code__in=[one.code for one in offers]).delete()


def _sellable(offers: list[Offer]) -> list[Offer]:
    """Those whose currency the shop knows; the others it cannot price."""
    known = [one for one in offers if one.currency in CURRENCIES]
    if len(known) < len(offers):
        left_out = len(offers) - len(known)
        log.warning("%d offers are in currencies that the shop does not know; they are left out.", left_out)
    return known
