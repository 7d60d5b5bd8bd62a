"""The sweep: which runs it restarts, how often, and what it does without a broker."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError

from outbox.transports.task_messages import BatchPublishError
from sagas.engine import executor
from sagas.maintenance.sweep import ring_overdue
from sagas.models import Run
from tests.support.sagas import errand as module
from tests.support.sagas.driver import begin, link
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
PAST = "2020-01-01T00:00:00Z"


# --- The sweep -----------------------------------------------------------------------------------------------------


def test_a_run_that_cannot_be_rung_does_not_keep_the_others_from_it(world, monkeypatch):
    odd, fine = begin(errand, Errand("a"), key="a"), begin(errand, Errand("b"), key="b")
    Run.objects.filter(pk=odd).update(status="undoing", position=1)
    monkeypatch.setattr(module.fetch, "undo_run", None)
    rung: list[str] = []
    monkeypatch.setattr("sagas.maintenance.sweep.send", lambda sent: rung.extend(one.tasks[0].args[0] for one in sent))
    Run.objects.update(wake_at=PAST)
    assert ring_overdue() == 1
    assert rung == [str(fine)]


@pytest.mark.parametrize("error", [OperationalError("away"), BatchPublishError("out of memory")])
def test_a_broker_that_is_away_or_takes_nothing_puts_no_run_off(world, monkeypatch, error):
    def away(chains):
        raise error

    monkeypatch.setattr("sagas.maintenance.sweep.send", away)
    for number in range(3):
        begin(errand, Errand("milk"), key=str(number))
    Run.objects.update(wake_at=PAST)
    assert ring_overdue() == 0
    soon = timezone.now() + timedelta(seconds=2)
    assert Run.objects.filter(rings=1, rung_at=None, wake_at__lt=soon).count() == 3


def test_rings_come_further_apart_up_to_three_times_the_patience_until_the_step_is_taken(world, monkeypatch):
    monkeypatch.setattr("sagas.maintenance.sweep.send", lambda chains: None)
    run_id = begin(errand, Errand("milk"))
    waits = []
    for _ in range(6):
        Run.objects.update(wake_at=PAST, rung_at=PAST)
        ring_overdue()
        wake_at = Run.objects.get().wake_at
        assert wake_at is not None
        waits.append(round((wake_at - timezone.now()).total_seconds()))
    assert waits == [10, 15, 20, 25, 30, 30]
    executor.run_step(link(Run.objects.get(pk=run_id), "fetch"))
    assert Run.objects.get().rings == 0
