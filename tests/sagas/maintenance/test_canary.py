"""The canary goes the whole path as any run, says how old its last journey is, and is in nobody's way."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from outbox.monitoring import duty_status
from sagas.desk import selection
from sagas.maintenance.canary import canary, start_canary
from sagas.models import Run
from sagas.presentation.canary import age
from sagas.presentation.statistics import figures
from tests.support.sagas.driver import begin, carry
from tests.support.sagas.errand import Errand, errand
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _wanted(settings):
    settings.SAGAS_CANARY = True


def canaries(**which: object):
    return Run.objects.filter(name="canary", **which)


def arrived() -> Run:
    """One that was started and has completed."""
    assert start_canary() == 1
    return carry(canaries(status="running").get().pk)


def aged(run: Run, span: timedelta) -> None:
    Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - span, finished_at=timezone.now() - span)


def test_it_goes_from_the_outbox_by_the_relay_and_a_worker_to_its_end(programs, worker):
    worker("sagas", "upkeep")
    programs.start("relay", ["manage.py", "relay"])
    assert start_canary() == 1
    until(lambda: canaries(status="completed").exists(), 30, what="it arrives")
    assert canaries().get().steps.filter(status="done").count() == 2
    found = age()
    assert found is not None
    assert found < timedelta(seconds=30)


def test_one_is_on_its_way_at_a_time(settings):
    assert start_canary() == 1
    assert start_canary() == 0
    carry(canaries().get().pk)
    assert start_canary() == 1
    settings.SAGAS_CANARY = False
    carry(canaries(status="running").get().pk)
    assert start_canary() == 0


def test_its_age_is_that_of_the_last_that_completed_and_of_the_first_while_none_has():
    assert age() is None
    start_canary()
    canaries().update(created_at=timezone.now() - timedelta(minutes=5))
    found = age()
    assert found is not None
    assert found > timedelta(minutes=4)
    (told,) = duty_status.read_report().stalls
    assert "The end of a canary run has waited for 5 min" in told
    assert "manage.py saga status" in told
    aged(carry(canaries().get().pk), timedelta(minutes=4))
    found = age()
    assert found is not None
    assert timedelta(minutes=3) < found < timedelta(minutes=5), "the one that has just arrived was started then"
    arrived()
    found = age()
    assert found is not None
    assert found < timedelta(minutes=1)
    assert duty_status.read_report().stalls == []


def test_those_that_ended_an_hour_ago_are_removed_but_the_last_that_completed():
    first, second = arrived(), arrived()
    aged(first, timedelta(hours=3))
    aged(second, timedelta(hours=2))
    start_canary()
    assert {run.pk for run in canaries()} == {second.pk, canaries(status="running").get().pk}


def test_figures_and_lists_leave_it_out_and_it_is_found_by_its_name(world, admin_client):
    arrived()
    start_canary()
    carry(begin(errand, Errand("milk"), key="a"))
    now = figures()
    assert (now.in_progress, now.completed, now.stuck) == (0, 1, 0)
    assert [run.name for run in selection.matching(selection.parse_filter("status=all"))] == ["errand"]
    assert selection.matching(selection.parse_filter("status=all,saga=canary")).count() == 2
    listed = "/admin/sagas/run/?state=all"
    assert canary.name not in {run.name for run in admin_client.get(listed).context["cl"].result_list}
    found = admin_client.get(f"{listed}&saga=canary").context["cl"].result_list
    assert {run.name for run in found} == {"canary"}
