"""A step that takes long beats: its lease follows, its note goes to the next attempt, and its silence gives it away."""

from __future__ import annotations

import signal
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from sagas import Participant, Saga, SagaDeclarationError, StepContext
from sagas.engine import beats, diagnosis
from sagas.engine.continuation import CONTINUE, STOP
from sagas.engine.run_ready import RunReady
from sagas.engine.work import Worker, rides
from sagas.maintenance.sweep import ring_overdue
from sagas.models import Attempt, Run, Slot, Step
from sagas.participants import lookup
from sagas.presentation.beats import beats_now
from sagas.presentation.diagram import table
from sagas.presentation.text_tables import run_lines
from sagas.worker.chains import chain_of
from tests.support.sagas import haul as module
from tests.support.sagas.clock import LONG_AGO, let_the_lease_run_out, woken_in
from tests.support.sagas.driver import begin, step_once
from tests.support.sagas.haul import Stones, haul
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _each_beat_is_written(monkeypatch):
    monkeypatch.setattr(beats, "EVERY", 0.0)
    yield
    module.after_each.clear()


def in_hand() -> Attempt:
    return Attempt.objects.get(step="carry", ended_at=None)


def lease_left() -> float:
    return until_of(Step.objects.get(name="carry").lease_until)


def until_of(moment: datetime | None) -> float:
    assert moment is not None
    return (moment - diagnosis.clock()).total_seconds()


def test_a_beat_extends_the_lease_and_says_how_far_it_is():
    seen = []

    def look(stone):
        seen.append((in_hand().progress, in_hand().note, lease_left() > 1))
        let_the_lease_run_out("carry")  # had it not beaten since, another worker could take it

    run_id = begin(haul, Stones(4))
    module.after_each.append(look)
    assert step_once(run_id) is CONTINUE
    assert seen == [(0.25, "1", True), (0.5, "2", True), (0.75, "3", True), (1.0, "4", True)]
    assert Attempt.objects.get(step="carry").note == "4"


def test_the_sweep_does_not_look_before_the_lease_ends():
    run_id, looks = begin(haul, Stones(2)), []

    def look(stone):
        looks.append(0 < woken_in(run_id) - lease_left() < 2.1)
        Run.objects.update(wake_at=LONG_AGO)

    module.after_each.append(look)
    assert step_once(run_id) is CONTINUE
    assert looks == [True, True]


def test_at_most_one_statement_a_second(monkeypatch):
    monkeypatch.setattr(beats, "EVERY", 3600.0)
    written = []
    real = beats.Heart._write

    def write(heart):
        written.append(heart.note)
        real(heart)

    monkeypatch.setattr(beats.Heart, "_write", write)
    step_once(begin(haul, Stones(50)))
    assert written == ["1"]


def test_one_whose_lease_has_passed_on_is_told_and_writes_nothing():
    run_id = begin(haul, Stones(3))
    lost = []

    def overtaken(stone):
        if stone == 1:
            Step.objects.filter(name="carry").update(token="00000000-0000-0000-0000-000000000001")
        else:
            lost.append(stone)

    module.after_each.append(overtaken)
    assert step_once(run_id) == STOP
    assert lost == []
    assert Attempt.objects.get(step="carry").note == "1"


def test_the_next_attempt_is_given_the_last_note():
    run_id = begin(haul, Stones(5))

    def fall(stone):
        if stone == 3:
            raise TimeoutError("fell")

    module.after_each.append(fall)
    step_once(run_id)
    Step.objects.update(next_attempt_at=None)
    module.after_each.clear()
    assert step_once(run_id) is CONTINUE
    assert Step.objects.get(name="carry").result == "from 3"


def test_a_killed_worker_is_followed_after_its_lease_by_one_that_knows_the_note(programs):
    run_id = begin(haul, Stones(1000))
    script = (
        "import sys, time, django; django.setup()\n"
        "from tests.support.sagas import haul\n"
        "haul.after_each.append(lambda stone: time.sleep(0.05))\n"
        "haul.carry_once(sys.argv[1])\n"
    )
    worker = programs.start("porter", ["-c", script, str(run_id)], {"TEST_LEASE_MARGIN": "1"})
    until(lambda: int(Attempt.objects.filter(note__isnull=False).values_list("note", flat=True).first() or 0) > 40, 60)
    assert step_once(run_id) == STOP, "it has worked for longer than its timeout and its margin, and is not taken over"
    worker.kill()
    assert worker.process.returncode == -signal.SIGKILL
    known = int(in_hand().note or 0)
    until(lambda: lease_left() < 0, 10, what="its lease ends with its silence")
    until(lambda: ring_overdue() or Run.objects.get(pk=run_id).rings > 0, 10, what="the sweep rings")
    assert step_once(run_id) is CONTINUE
    assert Step.objects.get(name="carry").result == f"from {known}"
    assert list(Attempt.objects.filter(step="carry").values_list("outcome", flat=True)) == ["lost", "done"]


def test_a_database_that_is_away_for_a_moment_ends_nothing(monkeypatch):
    real, failing = beats.Heart._write, [OperationalError("gone"), None]

    def write(heart):
        error = failing.pop(0) if failing else None
        if error is not None:
            raise error
        real(heart)

    monkeypatch.setattr(beats.Heart, "_write", write)
    assert step_once(begin(haul, Stones(3))) is CONTINUE
    assert Attempt.objects.get(step="carry").note == "3"


def test_one_that_does_not_declare_it_needs_a_person():
    run_id = begin(haul, Stones(13))
    step_once(run_id)
    step_once(run_id)
    run = Run.objects.get()
    assert run.needs_person
    assert "Declare it with beats=True" in run.steps.get(name="rest").error_text


@pytest.mark.parametrize(("given", "said"), [((2.0, None), "from 0 to 1"), ((None, "x" * 1001), "1000 characters")])
def test_what_cannot_be_kept_is_said(given, said, monkeypatch):
    run_id = begin(haul, Stones(1))
    monkeypatch.setattr(haul.named("carry"), "run", lambda ctx: ctx.heartbeat(*given))
    step_once(run_id)
    assert said in Step.objects.get(name="carry").error_text


def test_a_slot_is_held_for_as_long(settings):
    settings.SAGAS_PARTICIPANTS = {"porter": Participant(at_once=1)}
    lookup.breakers.forget()
    left = []

    def look(stone):
        left.append(until_of(Slot.objects.get(participant="porter").until) > 1)
        Slot.objects.update(until=LONG_AGO)

    module.after_each.append(look)
    assert step_once(begin(haul, Stones(3))) is CONTINUE
    assert left == [True, True, True]


def test_it_has_a_task_of_its_own_that_no_pool_kills():
    run_id = begin(haul, Stones(1))
    chain: Any = chain_of(RunReady(run_id, "haul", 1, undo=False, position=0))
    assert [task.options["time_limit"] for task in chain.tasks] == [None, None]
    assert Worker(ahead=lambda _step: "a task").next(haul.named("carry")) is None
    assert not rides(haul.named("carry"))


def test_page_and_commands_show_it():
    run_id, shown = begin(haul, Stones(4)), []

    def look(stone):
        beating = beats_now(list(Attempt.objects.filter(run=run_id)))
        assert beating is not None
        lines = list(run_lines(Run.objects.get(pk=run_id), diagnosis.clock()))
        shown.append((beating.percent, beating.note, next(line for line in lines if line.startswith("progress"))))

    module.after_each.append(look)
    step_once(run_id)
    percent, note, line = shown[1]
    assert (percent, note) == (50, "2")
    assert "50 %, 2, said" in line
    assert beats_now(list(Attempt.objects.filter(run=run_id))) is None
    assert "beats" in next(line for line in table(haul).splitlines() if " carry " in line)


def test_a_local_step_cannot_beat():
    saga = Saga[Stones]("local haul", version=1)
    with pytest.raises(SagaDeclarationError, match="holds its run's row until it ends"):

        @saga.step(local=True, beats=True)
        def lift(ctx: StepContext[Stones]) -> None: ...


def test_a_context_made_by_hand_beats_for_nobody():
    ctx = StepContext(Stones(1), None, "key", 1, timedelta(seconds=1), lambda *_: None)  # type: ignore[arg-type]
    ctx.heartbeat(0.5, "half")
    assert ctx.last_note == ""


def test_a_beat_of_a_run_that_was_turned_ends_the_step():
    run_id, carried = begin(haul, Stones(3)), []

    def turned(stone):
        carried.append(stone)
        Run.objects.update(status="stuck")

    module.after_each.append(turned)
    assert step_once(run_id) == STOP
    assert carried == [1]
