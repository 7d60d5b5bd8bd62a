"""The sweep rings no run whose message still waits in the workers' queue."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from outbox.consuming import watermarks
from outbox.models import Queue
from sagas.maintenance.sweep import ring_overdue
from sagas.models import Run
from tests.support.sagas.driver import begin
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def asked(monkeypatch: Any) -> list[set[str]]:
    """The queues that were asked how far they have been read."""
    queues: list[set[str]] = []
    monkeypatch.setattr(watermarks, "send_due", lambda names: queues.append(set(names)))
    monkeypatch.setattr("sagas.maintenance.sweep.send", lambda chains: None)
    return queues


def due(seconds_ago: float = 0) -> None:
    Run.objects.update(wake_at=timezone.now() - timedelta(seconds=seconds_ago))


def read_until(seconds_ago: float) -> None:
    """Workers have taken what was sent before then."""
    at = timezone.now() - timedelta(seconds=seconds_ago)
    Queue.objects.update_or_create(name="sagas", defaults={"sent_at": at, "waits_since": at, "passed_at": at})


def test_a_run_whose_message_waits_is_not_rung_and_the_queue_is_asked(world, asked):
    begin(errand, Errand("milk"))
    read_until(60)
    for _ in range(5):
        due()
        assert ring_overdue() == 0
    assert asked == [{"sagas"}] * 5
    assert Run.objects.filter(wake_at__lte=timezone.now() + timedelta(seconds=10)).exists()


def test_one_whose_message_was_taken_and_lost_is_rung(world, asked):
    begin(errand, Errand("milk"))
    read_until(60)
    due()
    assert ring_overdue() == 0
    read_until(0)
    due()
    assert ring_overdue() == 1
    due()
    assert ring_overdue() == 0, "that ring waits in the queue now"
    read_until(0)
    due()
    assert ring_overdue() == 1


def test_one_that_waited_for_its_time_is_rung_whatever_the_queue_holds(world, asked):
    begin(errand, Errand("milk"))
    Run.objects.get().steps.filter(position=0).update(status="waiting")
    read_until(60)
    due()
    assert ring_overdue() == 1
    assert asked == []


def test_a_queue_of_which_nothing_is_heard_is_not_waited_for_for_ever(world, asked):
    begin(errand, Errand("milk"))
    due(seconds_ago=301)
    assert ring_overdue() == 1
