"""A participant is away: runs wait for it without spending attempts, and come back at a bounded rate."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from sagas import Participant, Refused, Unavailable, desk, tasks
from sagas.engine import executor
from sagas.engine.continuation import STOP, RetryIn, RunNext, SwitchChain
from sagas.maintenance.sweep import ring_overdue
from sagas.models import Breaker, Run, Slot, Step
from sagas.participants import breaker
from sagas.participants.lookup import breakers
from sagas.worker import in_place
from tests.support.sagas.clock import LONG_AGO, looked_at_in
from tests.support.sagas.driver import begin, carry, link, step_once
from tests.support.sagas.errand import QUICK, Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
AWAY = Unavailable(timedelta(milliseconds=10), "shop: no connection")
LOST = TimeoutError("no answer")
S = Breaker.State


@pytest.fixture(autouse=True)
def fresh():
    breakers.forget()
    yield
    breakers.forget()


@pytest.fixture
def rung(monkeypatch):
    """The runs whose chains a sweep sends."""
    seen: list[UUID] = []
    monkeypatch.setattr(
        "sagas.maintenance.sweep.send", lambda chains: seen.extend(UUID(links.tasks[0].args[0]) for links in chains)
    )
    return seen


def started(count: int) -> list[UUID]:
    return [begin(errand, Errand("milk"), key=f"key-{number}") for number in range(count)]


def hold_over() -> None:
    """The time for which calls are held has passed."""
    Breaker.objects.update(open_until=LONG_AGO)
    breakers.forget()


def due() -> None:
    """Every wait is over."""
    Step.objects.update(next_attempt_at=None)


def swept() -> None:
    Breaker.objects.update(released_at=LONG_AGO)
    ring_overdue()


def shop_goes_away(world, error: Exception = AWAY) -> list[UUID]:
    """Three runs that met the outage, one each, and two that have not been asked for yet."""
    runs = started(5)
    world.faults["fetch"] = [error] * 3
    for run_id in runs[:3]:
        step_once(run_id)
    assert Breaker.objects.get().state == S.OPEN
    due()
    return runs


def spent(run_id: UUID) -> int:
    step = Step.objects.get(run_id=run_id, name="fetch")
    return step.attempts - step.forgiven - step.granted


def test_runs_that_come_while_the_participant_is_away_wait_for_it_and_it_is_not_asked(world):
    runs = shop_goes_away(world)
    asked = len(world.keys["fetch"])
    for run_id in runs:
        assert step_once(run_id) is STOP
    assert set(Run.objects.values_list("waits_for", flat=True)) == {"shop"}
    assert len(world.keys["fetch"]) == asked
    assert [spent(run_id) for run_id in runs] == [0] * 5


def test_one_run_tries_and_when_it_is_answered_the_others_come_back_at_a_bounded_rate(world, rung, settings):
    settings.SAGAS_PARTICIPANTS = {"shop": Participant(release_per_second=2)}
    runs = shop_goes_away(world)
    for run_id in runs:
        step_once(run_id)
    swept()
    assert rung == [], "the hold is not over"
    hold_over()
    swept()
    assert rung == runs[:1], "one is enough to find out"
    step_once(runs[0])
    assert Breaker.objects.get().state == S.CLOSED
    rung.clear()
    swept()
    assert rung == runs[1:3], "two a second"
    assert all(carry(run_id).status == "completed" for run_id in runs[:3])


def test_a_run_that_waits_is_looked_at_again_by_its_deadline_only(world):
    [*_, last] = shop_goes_away(world)
    step_once(last)
    seconds = looked_at_in(last)
    assert seconds is not None
    assert 200 < seconds <= 300


@pytest.mark.parametrize("error", [AWAY, LOST, ConnectionError("reset by peer")], ids=["away", "lost", "reset"])
def test_no_outage_is_long_enough_to_spend_a_budget(world, error):
    """QUICK allows three attempts; the shop is away for forty."""
    assert QUICK.attempts == 3
    [run_id, *_] = shop_goes_away(world, error)
    world.faults["fetch"] = [error] * 40
    for _ in range(40):
        hold_over()
        due()
        step_once(run_id)
        assert Run.objects.get(pk=run_id).status == "running"
    hold_over()
    due()
    assert world.faults["fetch"] == []
    assert carry(run_id).status == "completed"
    assert len(world.keys["fetch"] & {f"{run_id}.fetch"}) == 1


def test_one_run_alone_does_not_spend_its_budget_on_an_outage(world):
    [run_id] = started(1)
    world.faults["fetch"] = [LOST] * 12
    for _ in range(12):
        step_once(run_id)
        due()
        hold_over()
    assert carry(run_id).status == "completed"


def test_an_error_of_our_own_spends_the_budget_and_holds_nobody(world):
    [run_id] = started(1)
    world.faults["fetch"] = [KeyError("a bug")] * 3
    assert carry(run_id).status == "compensated"
    assert not Breaker.objects.filter(state=S.OPEN).exists()


def test_a_refusal_is_an_answer(world):
    first, second, third, fourth, _ = shop_goes_away(world)
    hold_over()
    world.faults["fetch"] = [Refused("out_of_stock")]
    assert isinstance(step_once(first), SwitchChain) or Run.objects.get(pk=first).status == "compensated"
    assert Breaker.objects.get().state == S.CLOSED
    assert all(carry(run_id).status == "completed" for run_id in (second, third, fourth))


def test_undos_wait_as_well(world):
    [run_id] = started(1)
    world.faults["pay"] = [Refused("card_declined")]
    while Run.objects.get().status == "running":
        step_once(run_id)
    step_once(run_id)  # unwrap
    breaker.open_by_hand("shop", "closed for the day")
    assert step_once(run_id) is STOP
    assert (Run.objects.get().waits_for, Step.objects.get(name="fetch").undo_attempts) == ("shop", 0)
    breaker.close("shop", "open again")
    assert carry(run_id).status == "compensated"
    assert Run.objects.get().waits_for == ""


def test_a_run_that_waits_can_be_cancelled(world):
    [*_, last] = shop_goes_away(world)
    step_once(last)
    errand.cancel("key-4", reason="Changed my mind", actor="ann")
    run = Run.objects.get(pk=last)
    assert (run.status, run.waits_for) == ("compensated", "")


def test_a_run_that_waits_past_its_deadline_is_undone(world, rung):
    [*_, last] = shop_goes_away(world)
    step_once(last)
    Run.objects.filter(pk=last).update(deadline_at=LONG_AGO, wake_at=LONG_AGO)
    ring_overdue()
    assert last in rung
    step_once(last)
    assert (Run.objects.get(pk=last).status, Run.objects.get(pk=last).code) == ("compensated", "deadline")


def test_in_place_a_worker_stops_before_a_participant_that_is_away(world, monkeypatch):
    sent: list[object] = []
    monkeypatch.setattr(in_place, "send", sent.extend)
    monkeypatch.setattr(errand.named("wrap"), "participant", "wrapper")
    breaker.open_by_hand("wrapper", "closed for the day")
    [run_id] = started(1)
    tasks.run_step.push_request(called_directly=False, id="first", hostname="test", headers={}, chain=["the rest"])
    try:
        tasks.run_step.run(str(run_id), "errand", 1, "fetch")
    finally:
        tasks.run_step.pop_request()
    assert world.log == ["fetch", "think"]
    assert len(sent) == 1, "the rest goes out as a message"
    assert step_once(run_id) is STOP
    assert Run.objects.get().waits_for == "wrapper"


@pytest.mark.parametrize(("undo", "name"), [(False, "wrapper"), (True, "shop")])
def test_a_failure_in_place_is_its_own_participants(world, monkeypatch, undo, name):
    monkeypatch.setattr(errand.named("wrap"), "participant", "wrapper")
    [run_id] = started(1)
    world.faults["pay"] = [Refused("card_declined")] if undo else []
    while undo and Run.objects.get().status == "running":
        step_once(run_id)
    world.faults["bring_back" if undo else "wrap"] = [LOST]
    act, first = (executor.undo_step, "wrap") if undo else (executor.run_step, "fetch")
    verdict = act(link(Run.objects.get(), first, ahead=lambda _step: "next"))
    while isinstance(verdict, RunNext):
        verdict = executor.proceed(verdict.work)
    assert isinstance(verdict, RetryIn)
    assert dict(Breaker.objects.values_list("name", "failures")) == {name: 1}


def test_no_more_calls_at_once_than_the_participant_takes(world, settings):
    settings.SAGAS_PARTICIPANTS = {"shop": Participant(at_once=1)}
    first, second = started(2)
    seen: list[object] = []
    world.faults["fetch"] = [lambda: seen.append(step_once(second))]
    step_once(first)
    [verdict] = seen
    assert isinstance(verdict, RetryIn)
    assert 0 < verdict.seconds <= 1
    assert spent(second) == 0
    assert [carry(run_id).status for run_id in (first, second)] == ["completed"] * 2
    assert not Slot.objects.exclude(token=None).exists()


@pytest.mark.parametrize("fault", [LOST, Refused("no"), KeyError("a bug"), AWAY])
def test_a_slot_is_given_back_however_the_call_ends(world, settings, fault):
    settings.SAGAS_PARTICIPANTS = {"shop": Participant(at_once=1)}
    [run_id] = started(1)
    world.faults["fetch"] = [fault]
    step_once(run_id)
    assert list(Slot.objects.values_list("token", flat=True)) == [None]


def test_an_undo_that_cannot_read_what_was_done_gives_its_slot_back(world, settings):
    settings.SAGAS_PARTICIPANTS = {"shop": Participant(at_once=1)}
    [run_id] = started(1)
    world.faults["wrap"] = [Refused("no_paper")]
    while Run.objects.get().status == "running":
        step_once(run_id)
    Step.objects.filter(name="fetch").update(result={"not": "a text"})
    assert isinstance(step_once(run_id), RetryIn)
    assert (world.log[-1], Slot.objects.get().token) == ("think", None)


def test_a_doubled_link_gives_its_slot_back(world, settings):
    settings.SAGAS_PARTICIPANTS = {"shop": Participant(at_once=2)}
    [run_id] = started(1)
    world.faults["fetch"] = [lambda: step_once(run_id)]
    step_once(run_id)
    assert set(Slot.objects.values_list("token", flat=True)) == {None}


def test_a_participant_that_answers_costs_no_statement(world, django_assert_num_queries):
    first, second = started(2)
    step_once(first)
    next_link = link(Run.objects.get(pk=second), "fetch")
    with django_assert_num_queries(4):  # claim, BEGIN, record, COMMIT
        executor.run_step(next_link)


def test_a_run_whose_attempts_were_all_lost_gives_its_slot_back(world, settings):
    settings.SAGAS_PARTICIPANTS = {"shop": Participant(at_once=1)}
    [run_id] = started(1)
    Step.objects.filter(name="fetch").update(attempts=3, status="running", token=run_id, lease_until=LONG_AGO)
    step_once(run_id)
    assert Run.objects.get().status in {"undoing", "compensated"}
    assert world.log == []
    assert list(Slot.objects.values_list("token", flat=True)) == [None]


def test_asking_what_became_of_a_pivot_gives_its_slot_back(world, settings, django_user_model, monkeypatch):
    settings.SAGAS_PARTICIPANTS = {"bank": Participant(at_once=1, trip_after=99)}
    monkeypatch.setattr(errand.named("pay"), "participant", "bank")
    world.faults["pay"] = [LOST] * 3
    world.faults["probe"] = [LOST]
    [run_id] = started(1)
    assert carry(run_id).status == "stuck"
    desk.compensate(
        run_id, actor=django_user_model.objects.create_user("ann"), reason="the bank says it never happened"
    )
    step_once(run_id)
    assert Step.objects.get(name="pay").status == "undone"
    assert list(Slot.objects.values_list("token", flat=True)) == [None]


def test_while_calls_are_held_the_probe_finds_what_only_lost_its_answer(world):
    """Else a participant that applies each call, and whose answers never arrive, would be waited for without end."""
    [run_id] = started(1)
    while Run.objects.get().position < 3:
        step_once(run_id)
    world.faults["pay"] = [("after", LOST)] * 9
    errand.named("pay").participant = "bank"
    try:
        for _ in range(3):
            due()
            step_once(run_id)
    finally:
        errand.named("pay").participant = ""
    assert Breaker.objects.get(name="bank").state == S.OPEN
    assert (Run.objects.get().position, Step.objects.get(name="pay").result) == (4, "found")


def test_an_error_that_the_participant_answers_with_holds_nobody(world):
    class ServerError(OSError):
        response = type("Response", (), {"status_code": 500})

    [run_id] = started(1)
    world.faults["fetch"] = [ServerError("500")] * 3
    assert carry(run_id).status == "compensated"
    assert not Breaker.objects.filter(state=S.OPEN).exists()
