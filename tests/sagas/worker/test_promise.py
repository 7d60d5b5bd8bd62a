"""A taker's promise to look again, which spares a run that starts its message: whose it is, and how it ends."""

from __future__ import annotations

import pytest

from outbox import doorbell
from sagas.declare import registry
from sagas.engine.run_ready import RunReady
from sagas.models import Run
from sagas.worker import promise
from sagas.worker.chains import tasks_in_common
from sagas.worker.promise import Promise
from tests.support.sagas.driver import begin
from tests.support.sagas.errand import Errand, errand
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def long_promises(monkeypatch):
    monkeypatch.setattr(promise, "STANDS_MS", 60_000)
    key = promise._key()
    yield
    doorbell.ask(lambda client: client.delete(key))


def ready(run_id) -> RunReady:
    run = Run.objects.get(pk=run_id)
    return RunReady(run.id, run.name, run.version, undo=False, position=0)


def test_a_promise_stands_until_it_is_taken_back():
    assert not promise.stands()
    one = Promise()
    one.renew()
    assert promise.stands()
    one.take_back()
    assert not promise.stands()


def test_the_last_who_promised_keeps_it_for_all():
    one, two = Promise(), Promise()
    one.renew()
    two.renew()
    one.take_back()
    assert promise.stands()
    two.take_back()
    assert not promise.stands()


def test_the_promise_of_a_worker_that_died_ends_by_itself(monkeypatch):
    monkeypatch.setattr(promise, "STANDS_MS", 30)
    Promise().renew()
    until(lambda: not promise.stands(), 5)


def test_it_is_none_of_a_worker_with_other_sagas(monkeypatch):
    Promise().renew()
    monkeypatch.setattr(registry, "all_sagas", lambda: [])
    assert not promise.stands()


def test_a_run_that_starts_meanwhile_has_no_message_and_one_that_only_its_own_can_bring_has(world):
    alone = ready(begin(errand, Errand("milk"), key="alone"))
    assert tasks_in_common([alone]) == [None]
    Promise().renew()
    assert tasks_in_common([alone]) == [[]]
    Run.objects.update(ready_at=None)
    assert tasks_in_common([alone]) == [None]


def test_without_redis_nobody_promises(settings, world):
    settings.OUTBOX_REDIS_URL = "amqp://elsewhere"
    one = Promise()
    one.renew()
    assert not promise.stands()
    one.take_back()
