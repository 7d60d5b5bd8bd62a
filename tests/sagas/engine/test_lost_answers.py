"""Every call that a participant applied and whose answer was lost: at each step and each undo of two whole sagas.

What must follow is read off the declaration: a probe, an undo, a place before or after the point of no return.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from orders.models import Product
from orders.participants.carrier import Booking, Parcel
from orders.participants.payments import Authorization, Capture
from orders.participants.warehouse import Reservation
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from orders.sagas import checkout
from sagas.testing import given, given_run
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db
STEPS = [step for saga in (errand, checkout) for step in saga.steps]
UNDOS = [step for step in STEPS if step.has_undo]
BUDGETED = [step for step in STEPS if step.retry.attempts is not None]
PIVOTS = {saga: next(step for step in saga.steps if step.is_pivot) for saga in (errand, checkout)}
RESULTS = {
    "fetch": "milk",
    "pay": "a bill",
    "deliver": "a note",
    "authorize_payment": Authorization("pi_1", 1850, "eur"),
    "reserve_stock": Reservation("k", "reserved", (("mug", 1),)),
    "book_shipment": Booking("k", "label", "booked"),
    "capture_payment": Capture("pi_1", 1850),
    "dispatch_parcel": Parcel("k", "SC-1"),
}


def titled(step):
    return step.title


def each(steps):
    return pytest.mark.parametrize("step", steps, ids=titled)


@pytest.fixture
def story(step, world, request):
    """A run of the step's saga; each participant does what it is asked."""
    scenario = given(errand, Errand("milk")) if step.saga is errand else request.getfixturevalue("placed")
    for one in step.saga.steps:
        if one.name in RESULTS:
            scenario.when(one).returns(RESULTS[one.name])
    return scenario


@pytest.fixture
def placed(db):
    """The run of an order that was placed."""
    Product.objects.create(sku="mug", name="Mug", price=Decimal("18.50"), available=10)
    wish = PlaceOrder("ann@example.com", "pm_card_visa", (OrderedLine("mug", 1),))
    return given_run(checkout, key=place_order(wish, idempotency_key="k1").order.saga_key)


def undos_up_to(step):
    """What is to be undone when the run turns around at `step`, which may have happened."""
    return [one for one in step.saga.steps[: step.position + 1] if one.has_undo]


def before_pivot(step):
    return step.position < PIVOTS[step.saga].position


@each(STEPS)
@pytest.mark.parametrize("times", [1, 2])
def test_a_step_whose_answer_is_lost_is_asked_again_and_the_run_completes(story, step, times):
    story.when(step).answer_lost(times=times).expect_completed().expect_attempts(step, times + 1)


@each(STEPS)
def test_a_step_whose_worker_is_lost_is_asked_again_and_the_run_completes(story, step):
    story.when(step).worker_lost().expect_completed().expect_attempts(step, 2)


@each(BUDGETED)
def test_a_step_whose_answers_are_all_lost_is_asked_for_undone_or_brought_to_a_person(story, step):
    story.when(step).answer_lost(times=None)
    if step.probe_run is not None:
        story.expect_completed()
    elif before_pivot(step):
        story.expect_undone(*undos_up_to(step))
    else:
        story.expect_stuck(code="in_doubt", at=step)


@each([step for step in BUDGETED if step.probe_run is not None])
def test_a_step_whose_answers_and_whose_probes_are_all_lost_is_undone_or_brought_to_a_person(story, step):
    story.when(step).answer_lost(times=None).when_probing(step).fails(times=None)
    if before_pivot(step):
        story.expect_undone(*undos_up_to(step))
    else:
        story.expect_stuck(code="in_doubt", at=step)


@each([step for step in STEPS if step.position <= PIVOTS[step.saga].position])
def test_a_refusal_after_a_lost_answer_never_leaves_behind_what_may_have_happened(story, step):
    story.when(step).answer_lost().when(step).refuses("changed_its_mind")
    if step.is_pivot:
        story.expect_completed()
    else:
        story.expect_undone(*undos_up_to(step))


@each([step for step in STEPS if step.position > PIVOTS[step.saga].position])
def test_a_refusal_after_a_lost_answer_past_the_pivot_is_a_persons_matter(story, step):
    story.when(step).answer_lost().when(step).refuses("changed_its_mind").expect_stuck(at=step)


def refused_at_the_pivot(story, step):
    return story.when(PIVOTS[step.saga]).refuses("card_declined")


@each(UNDOS)
@pytest.mark.parametrize("how", ["answer_lost", "worker_lost", "fails"])
def test_an_undo_whose_answer_is_lost_is_asked_again_and_the_run_is_undone(story, step, how):
    getattr(refused_at_the_pivot(story, step).when_undoing(step), how)()
    story.expect_undone(*undos_up_to(PIVOTS[step.saga])).expect_undo_attempts(step, 2)


@each(UNDOS)
def test_an_undo_whose_answers_are_all_lost_is_a_persons_matter(story, step):
    refused_at_the_pivot(story, step).when_undoing(step).answer_lost(times=None)
    story.expect_stuck(code="card_declined", at=step).expect_undo_attempts(step, step.undo_retry.attempts)
