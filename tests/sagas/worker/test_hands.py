"""A hand: one thread carries a step of each of many runs, then records all; each goes as though it were alone."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection

from outbox import publish
from outbox.messages import trace
from outbox.models import OutboxMessage
from sagas import Awaits, Refused, RetryAfter
from sagas.engine.continuation import CONTINUE, STOP, RetryIn, SwitchChain
from sagas.models import Attempt, Run, Step
from sagas.worker import flower_events, pace
from sagas.worker import hand as hand_module
from tests.support.hostapp.events import NobodyListens
from tests.support.sagas import errand as errand_module
from tests.support.sagas.driver import carry
from tests.support.sagas.errand import World, errand
from tests.support.sagas.hands import (
    NAME,
    Dealt,
    Ended,
    begin_many,
    carry_hand,
    hand_of,
    outcomes_of,
    statuses,
    take_all,
)

pytestmark = pytest.mark.django_db(transaction=True)
FORWARD = ["fetch", "think", "wrap", "pay", "deliver"]
MINUTES = timedelta(minutes=10)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """No step has been seen to be slow, and on a busy machine none is."""
    paces = pace.Pace()
    monkeypatch.setattr(hand_module, "pace", paces)
    monkeypatch.setattr(pace, "SLOW", 5.0)
    monkeypatch.setattr(hand_module, "LATE", 5.0)
    return paces


class Watching(World):
    """At each call it looks at what is committed of the run."""

    seen: list[tuple[str, bool]]

    def call(self, name: str, key: str, *, undoes: str = "") -> str:
        run_id = UUID(key.partition(".")[0])
        done = list(
            Step.objects.filter(run_id=run_id, status="done").order_by("position").values_list("name", flat=True)
        )
        in_hand = Attempt.objects.filter(run_id=run_id, step=name, ended_at=None).count() == 1
        alone = Run.objects.get(pk=run_id).position == FORWARD.index(name)
        complete = done == FORWARD[: FORWARD.index(name)] and in_hand and alone
        self.seen.append((name, complete and not connection.in_atomic_block))
        return super().call(name, key, undoes=undoes)


@pytest.mark.parametrize("many", [1, 2, 64])
def test_the_outcome_of_a_step_is_committed_before_the_next_one_begins(monkeypatch, many):
    world = Watching()
    world.seen = []
    monkeypatch.setattr(errand_module, "world", world)
    runs = begin_many(many)
    ended = carry_hand(take_all())
    assert ended == dict.fromkeys(runs, CONTINUE)
    assert statuses() == ["completed"] * many
    assert [name for name, _ in world.seen] == [name for name in FORWARD for _ in range(many)]
    assert [name for name, well in world.seen if not well] == []
    assert outcomes_of(runs[-1]) == [(name, 1, "done") for name in FORWARD]


def test_two_runs_of_one_key_tell_their_events_in_the_order_of_their_steps(world, monkeypatch):
    for name in ("fetch", "think", "deliver"):
        hook = lambda ctx, _result, name=name: publish(NobodyListens(f"{name} {ctx.input.what}"), key="ann")  # noqa: E731
        monkeypatch.setattr(errand.named(name), "recorded_run", hook)
    begin_many(2)
    carry_hand(take_all())
    rows = OutboxMessage.objects.filter(type="host.nobody_listens").order_by("id")
    told = [row.payload for row in rows]
    for n in range(2):
        mine = [text for text in told if f"milk {n}" in text]
        assert [name for text in mine for name in FORWARD if name in text] == ["fetch", "think", "deliver"]
    assert len({row.shard for row in rows}) == 1


# --- One that goes otherwise -----------------------------------------------------------------------------------------

BAD = {
    "refused": (Refused("no_such_shop"), "compensated", STOP, [("fetch", 1, "refused")]),
    "refused after all": (("after", Refused("no_such_shop")), "compensated", STOP, [("fetch", 1, "refused")]),
    "not now": (RetryAfter(MINUTES, "closed"), "running", STOP, [("fetch", 1, "away")]),
    "soon": (RetryAfter(timedelta(milliseconds=20), "closed"), "running", RetryIn, [("fetch", 1, "away")]),
    "awaits": (Awaits(MINUTES, "the customer"), "running", STOP, [("fetch", 1, "awaits")]),
    "answer lost": (("after", RuntimeError("garbled")), "running", RetryIn, [("fetch", 1, "in_doubt")]),
    "timed out": (("after", TimeoutError("no answer")), "running", RetryIn, [("fetch", 1, "in_doubt")]),
}


@pytest.mark.parametrize("bad", BAD)
def test_one_of_64_that_goes_otherwise_goes_as_by_itself_and_the_others_end_in_the_same_hand(world, bad):
    fault, status, then, attempts = BAD[bad]
    world.faults["fetch"] = [*[None] * 20, fault]
    runs = begin_many(64)
    ended = carry_hand(take_all())
    others = [run_id for place, run_id in enumerate(runs) if place != 20]
    assert [ended[run_id] for run_id in others] == [CONTINUE] * 63
    assert set(Run.objects.filter(pk__in=others).values_list("status", flat=True)) == {"completed"}
    assert not Attempt.objects.filter(run_id__in=others).exclude(outcome="done", number=1).exists()
    assert Run.objects.get(pk=runs[20]).status == status
    came = ended[runs[20]]
    assert isinstance(came, RetryIn) if then is RetryIn else came == then
    assert outcomes_of(runs[20]) == attempts


@pytest.mark.parametrize("bad", ["not now", "soon", "awaits", "answer lost", "timed out"])
def test_what_was_put_down_in_a_hand_goes_on_under_the_same_key(world, bad):
    world.faults["fetch"] = [BAD[bad][0]]
    [run_id] = begin_many(1)
    carry_hand(take_all())
    Step.objects.update(next_attempt_at=None)
    assert carry(run_id).status == "completed"
    assert len(world.keys["fetch"]) == 1


def test_a_refusal_in_mid_hand_undoes_its_run_alone(world):
    world.faults["pay"] = [None, Refused("card_declined"), None]
    runs = begin_many(3)
    ended = carry_hand(take_all())
    switched = ended[runs[1]]
    assert isinstance(switched, SwitchChain)
    assert (switched.to.undo, switched.to.position) == (True, 2)
    assert statuses() == ["completed", "undoing", "completed"]
    assert carry(runs[1]).status == "compensated"
    assert world.log[-2:] == ["unwrap", "bring_back"]


def test_a_run_whose_attempts_are_spent_is_not_asked_for_again(world):
    """Worker after worker was lost with it; it must not take a worker of the others with it once more."""
    runs = begin_many(2)
    Step.objects.filter(run_id=runs[0], name="fetch").update(attempts=3)
    ended = carry_hand(take_all())
    assert world.log.count("fetch") == 1
    assert ended[runs[1]] == CONTINUE
    assert Run.objects.get(pk=runs[0]).status in ("undoing", "compensated")


def test_a_local_step_is_recorded_with_its_call(world, monkeypatch):
    monkeypatch.setattr(errand.named("think"), "local", True)
    begin_many(3)
    carry_hand(take_all())
    assert statuses() == ["completed"] * 3


def test_an_own_failure_that_cannot_be_written_down_leaves_its_run_to_its_lease(world, monkeypatch, caplog):
    from sagas.engine import forward

    def broken(*_args: object) -> None:
        raise RuntimeError("a bug of the engine's")

    monkeypatch.setattr(forward, "put_down", broken)
    world.faults["fetch"] = [None, RetryAfter(MINUTES, "closed")]
    runs = begin_many(3)
    ended = carry_hand(take_all())
    assert [ended[run_id] for run_id in runs] == [CONTINUE, None, CONTINUE]
    assert "saga.step_given_up" in caplog.text


def test_each_run_keeps_its_own_trace_in_its_hooks_its_events_and_its_attempts(world, monkeypatch):
    seen: dict[str, str] = {}

    def hook(ctx, _result):
        seen[ctx.input.what] = trace.current().trace_id
        publish(NobodyListens(ctx.input.what))

    monkeypatch.setattr(errand.named("think"), "recorded_run", hook)
    traces = [trace.start(f"request-{number}") for number in range(3)]
    for number, traced in enumerate(traces):
        with trace.use(traced):
            begin_many(1, first=number)
    carry_hand(take_all())
    assert seen == {f"milk {number}": traced.trace_id for number, traced in enumerate(traces)}
    for number, traced in enumerate(traces):
        told = OutboxMessage.objects.get(type="host.nobody_listens", payload__contains=f"milk {number}")
        assert trace.from_headers(json.loads(told.headers)).request_id == f"request-{number}"
        attempts = Attempt.objects.filter(run__key=f"key-{number}")
        assert {one.traceparent[3:35] for one in attempts} == {traced.trace_id}


# --- What a hand gives away ------------------------------------------------------------------------------------------


def test_a_step_that_has_always_been_slow_is_given_away_unless_it_is_the_last_of_a_hand_that_keeps_it(
    world, monkeypatch, quick
):
    monkeypatch.setattr(pace, "SLOW", 0.005)
    quick.note(errand.named("fetch"), 0.5)
    begin_many(3)
    ended, dealt = Ended(), Dealt()
    hand_of(take_all(), ended, dealt, stays=False).carry()
    assert (len(dealt), ended, world.log) == (3, {}, [])
    kept = Ended()
    hand_of(dealt[:1], kept, Dealt()).carry()
    assert world.log == FORWARD


def test_a_round_with_late_calls_gives_the_rest_away(world, monkeypatch):
    """Before eight of them are known to be slow; the calls of the next round are counted anew."""
    monkeypatch.setattr(hand_module, "LATE", -1.0)
    runs = begin_many(5)
    ended, dealt = Ended(), Dealt()
    hand_of(take_all(), ended, dealt).carry()
    assert world.log == ["fetch"] * 3 + ["think"] * 3 + ["wrap"] * 3 + ["pay"] * 3 + ["deliver"] * 3
    assert (len(dealt), list(ended)) == (2, runs[:3])


def test_what_waits_behind_a_call_is_another_threads_and_the_hand_ends_with_the_call(world):
    hands: list[hand_module.Hand] = []
    taken: list[hand_module.Hand] = []

    def is_slow() -> None:
        rest = hands[0].rest(after=0)
        assert rest is not None
        taken.append(rest)
        assert hands[0].rest(after=0) is None, "of each call somebody is told once"

    world.faults["fetch"] = [None, is_slow]
    runs = begin_many(5)
    ended, others = Ended(), Ended()
    hands.append(hand_of(take_all(), ended, Dealt()))
    hands[0].carry()
    assert ended == {runs[1]: CONTINUE}, "the one that it was at"
    [rest] = taken
    rest._ends = others
    assert [step.work.run_id for step in rest.drop_unbegun()] == runs[2:]
    rest.carry()
    assert others == {runs[0]: CONTINUE}, "what waited for its record"
    assert world.log.count("fetch") == 2


def test_of_a_call_that_holds_up_nobody_in_the_hand_somebody_is_told_all_the_same(world):
    """The thread takes no other runs meanwhile."""
    told: list[object] = []
    hands: list[hand_module.Hand] = []
    world.faults["fetch"] = [lambda: told.extend([hands[0].rest(after=0), hands[0].rest(after=0)])]
    begin_many(1)
    hands.append(hand_of(take_all(), Ended(), Dealt()))
    hands[0].carry()
    rest, again = told
    assert isinstance(rest, hand_module.Hand)
    assert rest.is_empty
    assert again is None


def test_an_error_that_ends_the_hand_leaves_every_run_of_it_told_of(world):
    """A worker is told to end at once, in the thread that carries."""
    runs = begin_many(5)
    ended = Ended()

    def ends() -> None:
        raise SystemExit

    world.faults["fetch"] = [None, ends]
    with pytest.raises(SystemExit):
        hand_of(take_all(), ended, Dealt()).carry()
    assert ended == dict.fromkeys(runs)


# --- Flower ----------------------------------------------------------------------------------------------------------


def test_flower_is_shown_every_step_of_a_hand_under_its_own_name_and_id(world, monkeypatch):
    events: list[tuple[str, dict[str, str]]] = []
    monkeypatch.setattr(
        flower_events.gathered, "add", lambda host, event: events.append(event) if host == NAME else None
    )
    world.faults["wrap"] = [None, ("after", RuntimeError("garbled"))]
    runs = begin_many(3)
    carry_hand(take_all())
    kinds: dict[str, list[str]] = {}
    for kind, fields in events:
        kinds.setdefault(fields["uuid"], []).append(kind)
    attempts = Attempt.objects.all()
    assert set(kinds) == {attempt.task_id for attempt in attempts}
    for attempt in attempts:
        last = "task-retried" if attempt.outcome == "in_doubt" else "task-succeeded"
        assert kinds[attempt.task_id] == ["task-received", "task-started", last]
    received = [fields for kind, fields in events if kind == "task-received"]
    assert {(fields["root_id"], fields["parent_id"]) for fields in received} == {("root", "the task")}
    shown = f"({Run.objects.get(pk=runs[0]).key}, {runs[0]})"
    names = [fields["name"] for fields in received if fields["args"] == shown]
    assert names == [f"errand.{name}" for name in FORWARD]
