"""Sagas whose first step is slow: who starts them learns it, and their runs wait for no other worker."""

from __future__ import annotations

import pytest

from outbox import doorbell
from sagas.engine import commands, slow_starts
from sagas.engine.slow_starts import SlowStarts
from sagas.models import Run
from tests.support.sagas.driver import begin
from tests.support.sagas.errand import Errand, errand
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def forgotten():
    yield
    doorbell.ask(lambda client: client.delete(slow_starts._key(errand)))


def test_what_a_worker_has_seen_other_processes_know_until_it_is_forgotten(monkeypatch):
    monkeypatch.setattr(slow_starts, "REMEMBERED", 0.3)
    monkeypatch.setattr(slow_starts, "FRESH", 0.01)
    web = SlowStarts()
    assert not web.has(errand)
    SlowStarts().remember([errand])
    until(lambda: web.has(errand), 5)
    until(lambda: not web.has(errand), 5)


def test_redis_is_asked_once_a_second_at_most(monkeypatch):
    asked: list[object] = []

    def read(sagas: object) -> frozenset[object]:
        asked.append(sagas)
        return frozenset()

    monkeypatch.setattr(slow_starts, "_read", read)
    web = SlowStarts()
    for _ in range(3):
        web.has(errand)
    assert len(asked) == 1


def test_without_redis_every_saga_counts_as_quick(settings):
    SlowStarts().remember([errand])
    settings.OUTBOX_REDIS_URL = "amqp://elsewhere"
    assert not SlowStarts().has(errand)


def test_a_run_of_such_a_saga_waits_for_its_own_message_and_any_other_for_any_worker(world, monkeypatch):
    SlowStarts().remember([errand])
    monkeypatch.setattr(commands, "slow_starts", SlowStarts())
    slow = begin(errand, Errand("milk"), key="slow")
    doorbell.ask(lambda client: client.delete(slow_starts._key(errand)))
    monkeypatch.setattr(commands, "slow_starts", SlowStarts())
    quick = begin(errand, Errand("milk"), key="quick")
    ready = dict(Run.objects.values_list("id", "ready_at"))
    assert ready[slow] is None
    assert ready[quick] is not None
