"""A signal with a payload: early it is kept, twice it counts once, late its sender is told."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.db.models.functions import Now

from outbox import NotInTransaction
from outbox.models import OutboxMessage
from sagas import Sent, TooLate, desk
from sagas.engine import waiting as waiting_module
from sagas.engine.continuation import CONTINUE, SwitchChain
from sagas.errors import Unfit
from sagas.models import Run, Signal, Step, Wait
from sagas.testing import time_passes
from tests.concurrency.meanwhile import Meanwhile
from tests.support.sagas.clock import LONG_AGO, woken_in
from tests.support.sagas.crossing import HOURS, Offer, crossing, supplier_answered
from tests.support.sagas.driver import begin, carry, step_once

from .conftest import IN_A_MONTH, due_at

pytestmark = pytest.mark.django_db(transaction=True)


def send(price: int = 7, sent_id: str = "s-1", key: str = "key-1") -> Sent:
    with transaction.atomic():
        return crossing.send(key, "supplier_answered", Offer(price), id=sent_id)


def answered() -> Step:
    return Step.objects.get(name="supplier_answered")


def test_it_waits_on_no_message_until_its_limit(waiting, log):
    assert answered().status == "waiting"
    assert HOURS.total_seconds() - 60 < woken_in(waiting) <= HOURS.total_seconds()
    assert Run.objects.get().reason.startswith("the supplier's offer: waits for an answer until 20")
    assert len(log.awaited) == 1


def test_one_that_is_waited_for_is_the_steps_result_and_wakes_the_run(waiting):
    OutboxMessage.objects.all().delete()
    assert send() is Sent.TAKEN
    assert OutboxMessage.objects.get().type == "sagas.run_ready"
    assert step_once(waiting) is CONTINUE
    assert answered().result == {"price": 7}
    assert Signal.objects.get().used_at is not None
    assert Wait.objects.get(step="supplier_answered").over_at is not None


def test_a_later_step_reads_it_typed(waiting):
    send(price=9)
    step_once(waiting)
    step_once(waiting)
    time_passes(HOURS * 24 * 30)
    carry(waiting)
    assert Step.objects.get(name="sail").result == 9


def test_one_that_comes_early_is_kept(log):
    run_id = begin(crossing, IN_A_MONTH)
    assert send() is Sent.KEPT
    for _ in range(3):
        assert step_once(run_id) is CONTINUE
    assert log.awaited == []


def test_one_that_comes_twice_counts_once(waiting):
    assert [send(), send()] == [Sent.TAKEN, Sent.DUPLICATE]
    step_once(waiting)
    assert send() is Sent.DUPLICATE
    assert Signal.objects.count() == 1


def test_another_payload_under_the_same_id_is_refused(waiting):
    send(price=7)
    with pytest.raises(Unfit, match="s-1 was sent before, with another payload"):
        send(price=8)


def test_another_one_that_comes_before_the_first_is_taken_is_told(waiting):
    send()
    with pytest.raises(TooLate, match="another one, s-1, came first"):
        send(price=8, sent_id="s-2")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cancel_requested_at": Now(), "reason": "No longer wanted."}, "about to be undone. No longer wanted."),
        ({"deadline_at": LONG_AGO}, "about to be undone. Not past the point of no return"),
        ({"status": "undoing"}, "the run is being undone"),
        ({"status": "completed", "finished_at": Now()}, "the run is completed"),
    ],
)
def test_one_that_comes_late_is_told(waiting, change, told):
    Run.objects.update(**change)
    with pytest.raises(TooLate, match=told):
        send()
    assert not Signal.objects.exists()


def test_after_its_limit_it_is_too_late_even_before_a_worker_has_looked(waiting):
    time_passes(HOURS)
    with pytest.raises(TooLate, match="its time was over at"):
        send()
    assert isinstance(step_once(waiting), SwitchChain)
    assert carry(waiting).code == "no_answer"


def test_in_time_it_is_taken_however_late_a_worker_looks(waiting):
    send()
    time_passes(HOURS * 2)
    assert step_once(waiting) is CONTINUE
    assert answered().result == {"price": 7}


def test_without_an_answer_the_run_is_undone(waiting, log):
    time_passes(HOURS)
    run = carry(waiting)
    assert (run.status, run.code) == ("compensated", "no_answer")
    assert log.called == ["reserve", "lay_in_store", "clear_store"]
    assert Wait.objects.get().over_at is not None


def test_it_needs_a_transaction_a_known_run_a_declared_signal_and_a_payload_that_fits(waiting):
    with pytest.raises(NotInTransaction):
        crossing.send("key-1", "supplier_answered", Offer(7), id="s-1")
    with pytest.raises(Run.DoesNotExist, match="has no run with the key key-2"):
        send(key="key-2")
    with transaction.atomic():
        with pytest.raises(Unfit, match=r"waits for no signal until_departure\. It has: supplier_answered"):
            crossing.send("key-1", "until_departure", Offer(7), id="s-1")
        with pytest.raises(Unfit, match="brings Offer, and this str does not fit it"):
            crossing.send("key-1", supplier_answered, "seven", id="s-1")
        with pytest.raises(Unfit, match="give 1 to 200 characters"):
            crossing.send("key-1", supplier_answered, Offer(7), id="")


def test_it_is_part_of_the_senders_transaction(waiting):
    with transaction.atomic():
        crossing.send("key-1", supplier_answered, Offer(7), id="s-1")
        transaction.set_rollback(True)
    assert not Signal.objects.exists()
    assert step_once(waiting) != CONTINUE


def test_a_paused_run_keeps_it_and_its_limit_moves_by_the_pause(waiting, ann):
    desk.pause(waiting, actor=ann, reason="wait")
    time_passes(HOURS * 2)  # the limit, and the moment of the pause: as long before it as before
    Run.objects.update(paused_at=due_at() - HOURS)
    assert send() is Sent.KEPT
    desk.resume(waiting, actor=ann, reason="go on")
    assert step_once(waiting) is CONTINUE


def test_a_run_that_is_resumed_waits_for_as_long_as_was_left(waiting, ann):
    desk.pause(waiting, actor=ann, reason="wait")
    Run.objects.update(paused_at=Now() - HOURS)
    before = due_at()
    desk.resume(waiting, actor=ann, reason="go on")
    after = due_at()
    assert abs((after - before - HOURS).total_seconds()) < 5


def test_a_cancel_ends_the_wait_and_nothing_is_in_doubt(waiting):
    crossing.cancel("key-1", reason="No longer wanted.", actor="the customer")
    assert carry(waiting).status == "compensated"
    assert answered().status == "pending"


def test_the_deadline_of_the_run_ends_the_wait(waiting):
    Run.objects.update(deadline_at=LONG_AGO)
    assert carry(waiting).code == "deadline"


def test_skipped_it_has_the_result_that_the_operator_gives(waiting, ann):
    desk.skip(waiting, actor=ann, reason="They rang.", result={"price": 3})
    assert answered().result == {"price": 3}
    assert Wait.objects.get(step="supplier_answered").over_at is not None
    with pytest.raises(TooLate, match="gone on"):
        send()


def test_a_run_with_an_operator_keeps_it(waiting, ann):
    Run.objects.update(status="stuck")
    assert send() is Sent.KEPT
    desk.retry_now(waiting, actor=ann, reason="go on")
    assert step_once(waiting) is CONTINUE


# --- Over two connections: exactly one of a signal and the end of its time wins ------------------------------------


def test_a_sender_that_waits_for_the_end_of_time_to_be_recorded_is_too_late(waiting):
    time_passes(HOURS)
    sender = Meanwhile(send)
    with transaction.atomic():
        step_once(waiting)  # the worker's transaction, with the run locked
        sender.waits()
    sender.ends()
    assert isinstance(sender.raised, TooLate)
    assert Run.objects.get().status == "undoing"


def test_a_worker_that_waits_for_a_sender_finds_the_signal(waiting):
    """It came to say that the time is over."""
    worker = Meanwhile(lambda: step_once(waiting))
    with transaction.atomic():
        assert crossing.send("key-1", supplier_answered, Offer(7), id="s-1") is Sent.TAKEN
        Wait.objects.update(due_at=Now())
        worker.waits()
    worker.ends()
    assert worker.raised is None
    step_once(waiting)
    assert answered().result == {"price": 7}


def test_one_that_comes_between_the_look_and_its_record_is_not_lost(monkeypatch):
    run_id = begin(crossing, IN_A_MONTH)
    step_once(run_id)
    step_once(run_id)

    def put_down(*given):
        assert send() is Sent.TAKEN
        return waiting_module.put_down(*given)

    monkeypatch.setattr("sagas.engine.forward.put_down", put_down)
    step_once(run_id)
    assert woken_in(run_id) < 5
    monkeypatch.undo()
    Step.objects.update(next_attempt_at=None)
    assert step_once(run_id) is CONTINUE
