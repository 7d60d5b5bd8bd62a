"""The return's stories, told with `sagas.testing`: no broker, no participant."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from orders.participants.errors import FailureRemembered
from orders.participants.refunding import Refund
from orders.reconciliation.books import compare, ours_of
from orders.reconciliation.processor import Theirs
from orders.returns import refunds
from orders.returns.events import OrderReturned, ReturnDeclined, ReturnNeedsAttention
from orders.returns.models import Return
from orders.returns.sagas import (
    FailedRefund,
    GoodsBack,
    failed_refund,
    owe_refund,
    pay_back,
    recall_parcel,
    refund_payment,
    returning,
    take_back_stock,
)
from orders.returns.services import refund_failed
from outbox.testing import published
from sagas import NotApplied, desk
from sagas.models import Run
from sagas.testing import Scenario, given_run

from .conftest import Ask

pytestmark = pytest.mark.django_db


@pytest.fixture
def returned(ask: Ask) -> Return:
    """All of the order: the parcel is wanted back."""
    return ask(mug=2, lamp=1)


@pytest.fixture
def story(returned: Return) -> Scenario[GoodsBack]:
    told = given_run(returning, key=returned.saga_key)
    told.when(recall_parcel).returns("stopped").when(refund_payment).returns(Refund("re_1", 16600))
    return told


def fresh(returned: Return) -> Return:
    return Return.objects.get(pk=returned.pk)


def test_a_return_ends_with_the_money_back_and_one_letter_to_write(story, returned):
    story.expect_completed()
    told = OrderReturned(
        returned.pk, returned.number, returned.order_id, returned.order.number, "ann@example.com", 16600, "EUR"
    )
    story.expect_published(OrderReturned, told)
    done = fresh(returned)
    assert (done.status, done.parcel, done.refund_id) == ("done", "stopped", "re_1")
    assert done.refunded_at is not None


def test_a_parcel_that_has_left_is_no_reason_to_stop(story, returned):
    story.when(recall_parcel).returns("on_its_way").expect_completed()
    assert fresh(returned).parcel == "on_its_way"


def test_goods_that_the_warehouse_refuses_let_the_parcel_go_on_and_refund_nothing(story, returned):
    story.when(take_back_stock).refuses("never_left").expect_undone(recall_parcel)
    story.expect_attempts(refund_payment, 0).expect_published(ReturnDeclined).expect_nothing_published(OrderReturned)
    declined = fresh(returned)
    assert (declined.status, declined.status_reason, declined.refunded_at) == ("declined", "never_left", None)


def test_a_warehouse_that_never_answers_has_what_it_may_have_done_undone(story):
    story.when(take_back_stock).answer_lost(times=None).expect_undone(recall_parcel, take_back_stock)


def test_goods_that_were_sold_again_cannot_be_given_out_and_a_person_decides(story, returned):
    story.when_undoing(take_back_stock).refuses("sold_again")
    story.deadline_passed_before(owe_refund).expect_stuck(code="deadline", at=take_back_stock)
    assert fresh(returned).status == "needs_attention"
    assert "undoing take_back_stock failed: sold_again" in fresh(returned).status_reason


@pytest.mark.parametrize("code", ["charge_disputed", "charge_already_refunded", "amount_too_large"])
def test_a_refund_that_is_refused_lands_on_the_desk_with_nothing_undone(story, returned, code):
    story.when(refund_payment).refuses(code).expect_stuck(code=code, at=refund_payment)
    story.expect_published(ReturnNeedsAttention).expect_nothing_published(OrderReturned)
    assert fresh(returned).status == "needs_attention"
    assert not story.stage.undone


def test_a_refund_whose_answers_are_all_lost_lands_on_the_desk(story):
    story.when(refund_payment).answer_lost(times=None).when_probing(refund_payment).finds(NotApplied())
    story.expect_stuck(at=refund_payment).expect_attempts(refund_payment, 6)


def test_the_bank_says_that_a_refund_whose_answers_were_lost_was_made(story):
    story.when(refund_payment).answer_lost(times=None).when_probing(refund_payment).finds(Refund("re_2", 16600))
    story.expect_completed()


def test_an_operator_who_paid_another_way_skips_the_refund_and_the_customer_is_told(story, returned):
    ann = get_user_model().objects.create_user("ann")
    paid = {"refund_id": "", "amount": 16600}
    story.when(refund_payment).refuses("charge_already_refunded")
    story.then(lambda run: desk.skip(run.pk, actor=ann, reason="paid by transfer", result=paid))
    story.expect_completed().expect_published(OrderReturned)
    assert (fresh(returned).status, fresh(returned).refund_id) == ("done", "")


@pytest.mark.parametrize(("ended", "status"), [("completed", "done"), ("compensated", "declined")])
def test_a_return_ends_as_the_operator_says(story, returned, ended, status):
    ann = get_user_model().objects.create_user("ann")
    story.when(refund_payment).refuses("charge_disputed").expect_stuck()
    desk.resolve(story.run.pk, actor=ann, reason="settled with the bank", ended=ended)
    assert fresh(returned).status == status


@pytest.fixture
def failed(story, returned: Return) -> Scenario[FailedRefund]:
    """The story of a refund of which the bank reports, when all was done, that it did not arrive."""
    story.expect_completed()
    assert refund_failed("re_1", "The account is closed")
    return given_run(failed_refund, key=f"refund:{returned.pk}:re_1").calling_participants()


@pytest.fixture
def at_the_bank(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Why refunds failed, by the processor; a refund that is made anew is re_2."""
    from orders.participants import refunding

    refunds = {"re_1": "lost_or_stolen_card"}
    monkeypatch.setattr(refunding, "failure", lambda refund_id, timeout: refunds[refund_id])
    monkeypatch.setattr(refunding, "find", lambda *_args, **_kwargs: None)
    monkeypatch.setattr(refunding, "refund", lambda *_args, amount, **_kwargs: Refund("re_2", amount))
    return refunds


def test_a_refund_that_fails_later_lands_on_the_desk_and_is_owed_again(failed, returned, at_the_bank):
    failed.expect_stuck(code="refund_failed", at=pay_back)
    owed = fresh(returned)
    assert (owed.status, owed.refunded_at) == ("needs_attention", None)
    assert (
        "The refund failed: The account is closed. The customer's bank did not take the money: ask the customer"
        in owed.status_reason
    )


def test_it_stays_there_however_often_the_bank_reports_it(failed, at_the_bank):
    failed.expect_stuck()
    assert not refund_failed("re_1", "once more")
    assert Run.objects.filter(name="failed_refund").count() == 1


def test_a_person_has_it_sent_to_the_card_once_more_and_no_second_letter_is_written(failed, returned, at_the_bank):
    ann = get_user_model().objects.create_user("ann")
    failed.then(lambda run: desk.retry_now(run.pk, actor=ann, reason="the account is open again")).expect_completed()
    paid = fresh(returned)
    assert (paid.status, paid.refund_id, paid.status_reason) == ("done", "re_2", "")
    assert paid.refunded_at is not None
    assert len(published(OrderReturned)) == 1


def test_a_person_who_paid_another_way_skips_it(failed, returned, at_the_bank):
    ann = get_user_model().objects.create_user("ann")
    paid = {"refund_id": "", "amount": 16600}
    failed.then(lambda run: desk.skip(run.pk, actor=ann, reason="by transfer", result=paid)).expect_completed()
    assert fresh(returned).status == "done"


def test_a_person_who_paid_another_way_and_closes_the_case_leaves_books_that_agree(failed, returned, at_the_bank):
    ann = get_user_model().objects.create_user("ann")
    failed.expect_stuck()
    desk.resolve(failed.run.pk, actor=ann, reason="by transfer", ended="completed")
    assert (fresh(returned).status, fresh(returned).refund_id) == ("done", "")
    number = returned.order.number
    theirs = Theirs("pi_1", number, "succeeded", 16600, 0, "EUR", by_us=True)
    assert compare(ours_of([number])[number], theirs) is None


def test_a_person_who_says_that_nothing_is_owed_ends_the_return(failed, returned, at_the_bank):
    failed.expect_stuck(at=pay_back)
    ann = get_user_model().objects.create_user("ann")
    desk.resolve(failed.run.pk, actor=ann, reason="they have kept the goods", ended="compensated")
    assert (fresh(returned).status, fresh(returned).refunded_at) == ("declined", None)


def test_a_report_that_the_processor_does_not_confirm_changes_nothing(failed, returned, at_the_bank):
    at_the_bank["re_1"] = ""
    failed.expect_undone()
    done = fresh(returned)
    assert done.status == "done"
    assert done.refunded_at is not None


def test_a_failure_that_the_bank_remembers_is_asked_for_anew_when_it_has_paid_nothing(returned, monkeypatch):
    from orders.participants import refunding

    keys: list[str] = []

    def refund(_intent: str, *, key: str, amount: int, **_: object) -> Refund:
        keys.append(key)
        if len(keys) == 1:
            raise FailureRemembered("payments", "answered 500, as it does to every call with this key")
        return Refund("re_1", amount)

    monkeypatch.setattr(refunding, "refund", refund)
    monkeypatch.setattr(refunding, "find", lambda *_args, **_kwargs: None)
    wish = refunds.Wish(returned.pk, "pi_1", 16600)
    with pytest.raises(FailureRemembered):
        refunds.pay(wish, key="k", again=False, timeout=timedelta(seconds=10))
    assert refunds.pay(wish, key="k", again=True, timeout=timedelta(seconds=10)) == Refund("re_1", 16600)
    assert keys == ["k", "k:1"]
