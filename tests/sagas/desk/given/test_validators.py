"""What an operator gives is held against what the host knows: by code, in the admin, at the command line, by two."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.urls import reverse

from sagas import InputChange, Refused, Saga, SagaDeclarationError, StepContext, desk
from sagas.declare import registry
from sagas.errors import RecordingFailed
from sagas.models import Act, Run
from tests.support.sagas.driver import begin, carry

pytestmark = pytest.mark.django_db(transaction=True)
WORDS = "The bill is 89.00, you gave 0.89."


@dataclass(frozen=True)
class Bill:
    cents: int


@dataclass(frozen=True)
class Paid:
    cents: int


@pytest.fixture
def ann():
    return get_user_model().objects.create_superuser("ann")


@pytest.fixture
def bill():
    """A saga whose step is refused, so that a person says what was paid."""
    saga = Saga[Bill]("bill")

    @saga.step(undo=None)
    def pay(ctx: StepContext[Bill]) -> Paid:
        raise Refused("card_declined")

    @saga.pivot()
    def settle(ctx: StepContext[Bill]) -> None:
        """Never reached by itself."""

    @pay.validator
    def as_owed(ctx: StepContext[Bill], paid: Paid) -> None:
        if paid.cents == 13:
            raise LookupError("no such bill")
        if paid.cents != ctx.input.cents:
            raise ValueError(f"The bill is {ctx.input.cents / 100:.2f}, you gave {paid.cents / 100:.2f}.")

    @saga.validator
    def as_billed(change: InputChange[Bill]) -> None:
        was = 8900 if change.before is None else change.before.cents
        if change.after.cents < was:
            raise ValueError(f"The bill is {was / 100:.2f}, you gave {change.after.cents / 100:.2f}.")

    yield saga
    registry.forget(saga)


@pytest.fixture
def run(bill) -> Run:
    return Run.objects.get(pk=begin(bill, Bill(8900)))


def nothing_was_done(run: Run) -> None:
    now = Run.objects.get()
    assert (now.row_version, now.position, now.input) == (run.row_version, 0, {"cents": 8900})
    assert not Act.objects.exists()


def test_a_result_that_is_not_what_is_owed_is_refused_in_the_hosts_words(run, ann):
    with pytest.raises(desk.DoesNotFit, match=WORDS):
        desk.skip(run.pk, actor=ann, reason="paid", result={"cents": 89})
    nothing_was_done(run)
    desk.skip(run.pk, actor=ann, reason="paid", result={"cents": 8900})
    assert carry(run.pk).status == "completed"


def test_an_input_that_is_not_what_is_owed_is_refused_in_the_hosts_words(run, ann):
    with pytest.raises(desk.DoesNotFit, match=WORDS):
        desk.set_input(run.pk, actor=ann, reason="x", changes={"cents": 89})
    nothing_was_done(run)
    desk.set_input(run.pk, actor=ann, reason="x", changes={"cents": 9900})
    assert Run.objects.get().input == {"cents": 9900}


def test_an_input_that_nobody_can_read_is_mended_and_checked_all_the_same(run, ann):
    Run.objects.update(input={"euros": "89"})
    with pytest.raises(desk.DoesNotFit, match=WORDS):
        desk.set_input(run.pk, actor=ann, reason="x", changes={"cents": 89})
    desk.set_input(run.pk, actor=ann, reason="x", changes={"cents": 8900})
    assert Run.objects.get().input == {"cents": 8900}


@pytest.mark.parametrize(
    ("verb", "given"), [("skip", ["--result", '{"cents": 89}']), ("set-input", ["--input", '{"cents": 89}'])]
)
def test_the_command_line_says_so(run, ann, verb, given):
    with pytest.raises(CommandError, match=WORDS):
        call_command("saga", verb, str(run.pk), "--reason", "x", "--as", "ann", *given)
    nothing_was_done(run)


@pytest.mark.parametrize(("verb", "field"), [("skip", "result"), ("set_input", "changes")])
def test_the_admin_says_so(client, run, ann, verb, field):
    client.force_login(ann)
    given = {"run": f"{run.pk}:{run.row_version}", "reason": "x", field: '{"cents": 89}'}
    page = client.post(reverse("admin:sagas_desk", args=[verb]), given, follow=True).content.decode()
    assert WORDS in page
    nothing_was_done(run)


@pytest.mark.parametrize(
    ("verb", "given"), [("skip", {"result": {"cents": 89}}), ("set_input", {"changes": {"cents": 89}})]
)
def test_it_is_not_even_proposed_to_a_second_person(run, ann, settings, verb, given):
    settings.SAGAS_SECOND_PERSON = ("skip", "set_input")
    with pytest.raises(desk.DoesNotFit, match=WORDS):
        desk.propose(verb, run.pk, actor=ann, reason="x", **given)
    nothing_was_done(run)


def test_a_validator_that_fails_has_nothing_done(run, ann):
    with pytest.raises(RecordingFailed, match=r"Nothing was done: the validator of bill\.pay failed: no such bill"):
        desk.skip(run.pk, actor=ann, reason="paid", result={"cents": 13})
    nothing_was_done(run)


def test_what_the_step_itself_returns_is_its_own_to_judge(bill):
    bill.named("pay").run = lambda ctx: replace(Paid(1), cents=1)
    assert carry(begin(bill, Bill(8900))).status == "completed"


def test_there_is_one_validator_and_it_can_be_called(bill):
    with pytest.raises(SagaDeclarationError, match="bill has its validator declared already; keep one"):
        bill.validator(lambda change: None)
    with pytest.raises(SagaDeclarationError, match=r"bill\.pay has its validator declared already; keep one"):
        bill.named("pay").validator(lambda ctx, result: None)
    with pytest.raises(SagaDeclarationError, match=r"bill\.settle: the validator is called with \(ctx, result\)"):
        bill.named("settle").validator(lambda ctx: None)
