"""What the bench runs is the real engine, its events and its books; nothing here measures."""

from __future__ import annotations

import pytest

from outbox.models import OutboxMessage
from sagas.models import Attempt, Step
from tests.bench.sagas.host.sagas import Trial, quiet_trial, trial
from tests.bench.sagas.trial import SLOW, STEPS, act
from tests.support.sagas.driver import begin, carry

pytestmark = pytest.mark.django_db(transaction=True)
READY = "sagas.run_ready"


def test_a_trial_keeps_every_step_and_every_attempt():
    run = carry(begin(trial, Trial(7)))
    assert run.status == "completed"
    assert list(run.steps.values_list("name", "status")) == [(name, "done") for name in STEPS]
    assert list(run.attempts.values_list("step", "outcome")) == [(name, Attempt.Outcome.DONE) for name in STEPS]
    assert Step.objects.get(run=run, name="capture").result == {"reference": "capture_7"}


def test_a_trial_publishes_an_event_a_step_and_a_quiet_one_none():
    carry(begin(trial, Trial(7)))
    assert OutboxMessage.objects.filter(type="bench.step_recorded", key="trial:7").count() == len(STEPS)
    carry(begin(quiet_trial, Trial(8)))
    assert not OutboxMessage.objects.filter(key="trial:8").exists()


def test_every_step_of_a_trial_has_an_undo():
    assert [step.has_undo for saga in (trial, quiet_trial) for step in saga.steps] == [True] * 10


def test_three_of_the_five_steps_wait_when_a_run_is_slow(monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr("tests.bench.sagas.trial.time.sleep", waits.append)
    for step in STEPS:
        act(step, 1, False)
        act(step, 1, True)
    assert waits == [0.05] * 3
    assert set(STEPS) >= SLOW
