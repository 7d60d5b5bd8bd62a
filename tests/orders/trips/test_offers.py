"""What the trips page offers: what the companies last said, and not less when they say nothing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.core.cache import cache

from orders.participants import flight, hotel
from orders.participants.errors import AnswerLost
from orders.trips import offers
from orders.trips.models import FlightOffer, HotelOffer
from orders.trips.offers import Destination
from tests.support.standins import Standins

pytestmark = pytest.mark.django_db


def test_offers_are_copied_from_the_companies(standins: Standins) -> None:
    offers.refresh()
    lisbon, oslo = offers.destinations()[:2]
    assert (lisbon.city, oslo.city, lisbon.departs.strftime("%a")) == ("Lisbon", "Oslo", "Fri")
    assert {one.name for one in offers.flights_to(lisbon)} == {"SA 101, 07:10", "SA 105, 12:40"}
    *_, full = offers.hotels_in(lisbon)
    assert (full.name, full.left_on(lisbon.departs)) == ("Pensão Mirante", 0)


def test_what_is_offered_no_more_goes(standins: Standins, offers: None) -> None:
    from orders.trips import offers as module

    module.refresh()
    assert not FlightOffer.objects.filter(code="SA105").exists()
    assert not HotelOffer.objects.filter(code="azul").exists()


def test_when_a_company_does_not_answer_its_old_offers_stay(
    offers: None, friday: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orders.trips import offers as module

    def away(**_: object) -> list[flight.Offer]:
        raise AnswerLost("flight", "timed out")

    monkeypatch.setattr(flight, "offers", away)
    room = hotel.Offer("new", "New", "Lisbon", 5000, "EUR", {friday: 2})
    monkeypatch.setattr(hotel, "offers", lambda **_: [room])
    module.refresh()
    assert module.destinations() == [Destination("Lisbon", friday)]
    (new,) = module.hotels_in(Destination("Lisbon", friday))
    assert (new.name, str(new.price), new.left_on(friday), new.left_on(friday + timedelta(days=1))) == (
        "New",
        "50.00",
        2,
        0,
    )


def test_companies_are_not_asked_for_every_page(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(offers, "refresh", lambda: asked.append(1))
    cache.clear()
    for _ in range(3):
        offers.refresh_if_old()
    cache.clear()
    offers.refresh_if_old()
    assert len(asked) == 2
