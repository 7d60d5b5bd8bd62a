"""Workers killed while the trip's room is booked, its seat is given back, and its card is charged.

The engine's gaps are tried one by one in `test_every_gap.py`; here the companies are those of a trip.
"""

from __future__ import annotations

import pytest
from django.test import TransactionTestCase

from orders.trips.models import Trip
from orders.trips.sagas import TRIP, book_flight, book_hotel, capture_payment, issue_ticket, trip
from sagas.models import Run
from sagas.testing import Crashes, crash_points
from tests.conftest import empty_all_tables
from tests.orders.trips.companies import Travel
from tests.support.workers import Programs

from .test_every_gap import addresses, empty, start_processes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]
TRIED = {
    (book_hotel.name, False): ("before_call", "after_call", "after_commit", "answer_lost"),
    (book_flight.name, True): ("after_call", "before_commit", "answer_lost"),
    (book_hotel.name, True): ("after_call",),
    (capture_payment.name, False): ("after_call", "answer_lost"),
    (issue_ticket.name, False): ("after_call",),
    ("", True): ("doubled",),
}
POINTS = [point for point in crash_points(trip) if point.gap in TRIED.get((point.step, point.undo), ())]


@pytest.fixture(scope="module")
def crashes(django_db_setup, django_db_blocker, standins_process, tmp_path_factory):
    """All trips, carried to their ends by workers that die on the way."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: None)  # the runs are looked at by each
        where = addresses(standins_process.url, in_place="1")
        from django.conf import settings

        for name, value in where.items():
            patch.setattr(settings, name, value, raising=False)
        patch.setattr(settings, "FLIGHT_URL", f"{standins_process.url}/flight")
        patch.setattr(settings, "HOTEL_URL", f"{standins_process.url}/hotel")
        empty()
        begun = Crashes(tmp_path_factory.mktemp("plans"))
        programs = Programs(tmp_path_factory.mktemp("logs"))
        travel = Travel(standins_process)
        begun.begin(POINTS, lambda: Run.objects.get(key=travel.place().saga_key).pk)
        start_processes(programs, {**begun.environment, **where})
        begun.settle(seconds=100)
        yield begun
        programs.stop()
        empty_all_tables(None)


def test_every_point_that_is_tried_is_one_of_the_sagas():
    assert len(POINTS) == sum(len(gaps) for gaps in TRIED.values())


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_a_trip_settles_and_the_ledgers_agree(crashes, point, standins_process):
    def ledgers_agree(run):
        placed = Trip.objects.get(pk=run.key.removeprefix(TRIP))
        assert Travel(standins_process).differences(placed) == []

    run = crashes.check(point, ledgers_agree)
    assert run.status == ("compensated" if point.undo else "completed")
