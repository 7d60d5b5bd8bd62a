"""Real workers killed between two sides, as a child ends, and while it is being undone with its parent."""

from __future__ import annotations

import uuid

import pytest
from django.test import TransactionTestCase

from sagas.models import Child, Run
from sagas.testing import Crashes, crash_points
from tests.conftest import empty_all_tables
from tests.support.workers import Programs

from . import odd, sides
from .test_every_gap import addresses, empty, start_processes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
POINTS = [*crash_points(sides.sides), *crash_points(sides.brood)]


@pytest.fixture(scope="module")
def crashes(django_db_setup, django_db_blocker, standins_process, tmp_path_factory):
    """All runs, carried to their ends by workers that die on the way."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setenv(odd.LEDGER, str(tmp_path_factory.mktemp("ledger")))
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: None)  # the runs are looked at by each
        empty()
        begun = Crashes(tmp_path_factory.mktemp("plans"))
        programs = Programs(tmp_path_factory.mktemp("logs"))
        begun.begin(crash_points(sides.sides), lambda: sides.sides.start(sides.Tour("bob"), key=uuid.uuid4().hex))
        begun.begin(crash_points(sides.brood), lambda: sides.brood.start(sides.Tour("eve"), key=uuid.uuid4().hex))
        start_processes(programs, {**begun.environment, **addresses(standins_process.url, in_place="1")})
        begun.settle(seconds=180)
        yield begun
        programs.stop()
        empty_all_tables(None)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point.saga}-{point}")
def test_all_or_nothing_is_left_applied_and_nothing_was_started_twice(crashes, point):
    def all_or_nothing(run):
        held = {key: odd.ledger().has(key) for key in keys_of(run)}
        assert set(held.values()) == {run.status == "completed"}, held
        children = Run.objects.filter(parenthood__parent=run)
        assert {child.status for child in children} <= {run.status}
        most = 3 if run.name == "crash_sides" else 4
        assert children.count() == most if run.status == "completed" else children.count() <= most

    run = crashes.check(point, all_or_nothing)
    assert run.status == ("compensated" if point.undo else "completed")


def keys_of(run):
    if run.name == "crash_sides":
        return [f"{run.pk}.{name}" for name in sides.sides.declared]
    child = Child.objects.filter(parent=run, step="visit_ann").values_list("run", flat=True).first()
    cards = [f"{run.pk}.write_card.{item}" for item in range(3)]
    return [f"{child}.ring_bell", f"{child}.go_in", *cards, f"{run.pk}.go_home"]
