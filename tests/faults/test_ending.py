"""A worker that is told to stop ends in time, and what it could not finish is another's at once.

No relay and no beat run meanwhile: what goes on after the first worker's end goes on by what it handed back.
"""

from __future__ import annotations

import signal

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db.models.functions import Now
from redis import Redis

from outbox.models import Delivery
from sagas.engine.run_ready import RunReady
from sagas.models import Attempt
from sagas.worker.chains import chain_of, send
from tests.flows.stack import Stack, run_of
from tests.flows.stack import until_step as at_step
from tests.support.workers import until

LONG = 9  # seconds that the bank takes: below the step's time limit, and far above the worker's


@pytest.fixture
def shop(programs, standins):
    call_command("load_local", verbosity=0)
    return Stack(programs, standins)


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGQUIT], ids=lambda told: told.name)
def test_a_worker_told_to_stop_hands_back_what_it_cannot_finish(shop, told, monkeypatch):
    monkeypatch.setenv("WORKER_END_WITHIN", "0.5" if told == signal.SIGTERM else "600")
    shop.standins.fault("payments", operation="capture", kind="slow", delay=LONG, times=1)
    order = shop.place()
    run = run_of(order)
    send([chain_of(RunReady(run.pk, run.name, run.version, undo=False, position=0))])
    worker = shop.start_worker()
    at_step(order, "capture_payment")

    worker.process.send_signal(told)

    assert worker.process.wait(30) == 0, worker.output
    assert "worker.cut_short" in worker.output
    step = run.steps.get(name="capture_payment")
    [attempt] = run.attempts.filter(step="capture_payment")
    assert (step.status, attempt.outcome) == ("running", ""), "it was cut off, not waited for"
    with Redis.from_url(settings.REDIS_URL) as client:
        assert (client.hlen("unacked"), client.llen("sagas")) == (0, 1)
    if told == signal.SIGTERM:
        shop.start_worker()
        assert shop.settled(order).status == "confirmed"
        first, *_away_while_the_bank_is_at_it, last = run.attempts.filter(step="capture_payment")
        assert (first.outcome, last.outcome) == (Attempt.Outcome.LOST, Attempt.Outcome.DONE)
        step.refresh_from_db()
        assert step.attempts - step.forgiven - step.granted == 1, "our own end spends no attempt of the participant's"
        shop.check_books(order)


def test_the_call_of_a_delivery_that_is_cut_off_is_free_at_once(programs, standins, monkeypatch):
    monkeypatch.setenv("WORKER_END_WITHIN", "0.5")
    call_command("load_local", verbosity=0)
    shop = Stack(programs, standins, "choreography")
    relay, beat, worker = shop.start_relay(), shop.start_beat(), shop.start_worker()
    shop.standins.fault("payments", operation="capture", kind="slow", delay=LONG, times=1)
    order = shop.place()
    at_step(order, "capture_payment")
    beat.kill()
    relay.kill()
    held = Delivery.objects.filter(held_until__gt=Now())
    until(held.exists, what="the call has begun")

    worker.process.send_signal(signal.SIGTERM)

    assert worker.process.wait(30) == 0, worker.output
    assert "worker.cut_short" in worker.output
    assert not held.exists()
    assert Delivery.objects.filter(due_at__lte=Now(), attempts=1).count() == 1
    shop.start()
    assert shop.settled(order).status == "confirmed"
    shop.check_books(order)
