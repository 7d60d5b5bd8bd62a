"""Trips in real processes: each settles, and the ledgers of bank, airline and hotels agree with what was told."""

from __future__ import annotations

import pytest

from orders.trips.models import Trip
from orders.trips.services import cancel_trip
from sagas.models import Run, RunStatus, Step
from tests.orders.trips.companies import Travel
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)
ENDS = ("confirmed", "cancelled", "needs_attention")


@pytest.fixture
def travel(stack, standins):
    told = Travel(standins)
    told.set_flight("SA101", left=0)
    told.set_rooms("casa-azul", 50)
    return told


def settled(*trips: Trip) -> list[str]:
    """The trips' statuses, once all have settled."""

    def ended() -> bool:
        for trip in trips:
            trip.refresh_from_db()
        return all(trip.status in ENDS for trip in trips)

    until(ended, 60, what="the trips settle")
    return [trip.status for trip in trips]


def test_trips_settle_and_the_ledgers_agree(travel):
    trips = [
        travel.place(),
        travel.place(card="pm_card_answerLost"),
        travel.place(flight="SA105", hotel="pensao-mirante"),
        travel.place(flight="SA101", hotel="casa-azul"),
        travel.place(card="pm_card_visa_chargeDeclined"),
    ]
    assert settled(*trips) == ["confirmed", "confirmed", "cancelled", "cancelled", "cancelled"]
    assert [trip.status_reason for trip in trips] == ["", "", "no_rooms", "no_seats", "card_declined"]
    assert [travel.differences(trip) for trip in trips] == [[]] * 5
    assert [len(travel.statement(trip)) for trip in trips] == [1, 1, 0, 0, 0]


def test_a_trip_that_is_cancelled_on_its_way_gives_back_seat_and_room(travel, standins):
    standins.fault("payments", operation="capture", kind="unavailable")
    trip = travel.place(flight="SA105", hotel="casa-azul")
    until(
        lambda: Step.objects.filter(
            run__name="trip.book_hotel", run__parenthood__parent__key=trip.saga_key, status="done"
        ),
        what="the room is booked",
    )
    until(lambda: Run.objects.get(key=trip.saga_key).waits_for or _waits(trip), what="the capture waits")
    assert cancel_trip(trip)
    assert settled(trip) == ["cancelled"]
    assert travel.differences(trip) == []
    assert Run.objects.get(key=trip.saga_key).status == RunStatus.COMPENSATED


def _waits(trip: Trip) -> bool:
    return Step.objects.filter(run__key=trip.saga_key, name="capture_payment", status="waiting").exists()
