"""What a saga advises a person to do: shown where a run is stuck, and nowhere else."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import call_command

from sagas import Refused, Saga, SagaDeclarationError
from sagas.declare import registry
from sagas.models import Run
from sagas.presentation.advice import advice_for
from tests.support.sagas.driver import begin, carry
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
WORDS = "Ask the customer <where> they live, then retry."


@pytest.fixture(autouse=True)
def advised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errand, "advised", {})
    errand.advice({"no_such_street": WORDS, "sold_out": "Wait for more."})


def test_a_run_that_is_stuck_with_the_code_shows_what_to_do(world, admin_client) -> None:
    world.faults["deliver"] = [Refused("no_such_street", "The street is unknown.")]
    run = carry(begin(errand, Errand("milk")))
    assert (run.status, advice_for(run)) == ("stuck", WORDS)
    page = admin_client.get(f"/admin/sagas/run/{run.pk}/change/").content.decode()
    assert "<strong>What to do:</strong> Ask the customer &lt;where&gt; they live, then retry." in page
    out = io.StringIO()
    call_command("saga", "show", str(run.pk), stdout=out)
    assert f"What to do: {WORDS}" in out.getvalue()


def test_a_run_that_is_stuck_with_something_else_or_not_at_all_shows_nothing(world) -> None:
    world.faults["deliver"] = [Refused("it_rains")]
    assert advice_for(carry(begin(errand, Errand("milk"), key="a"))) == ""
    world.faults["deliver"] = []
    run = carry(begin(errand, Errand("milk"), key="b"))
    run.steps.update(error_code="no_such_street")
    assert (run.status, advice_for(run)) == ("completed", "")


def test_a_run_shows_what_the_first_page_says_of_its_cause(world) -> None:
    world.faults["pay"] = world.faults["probe"] = [TimeoutError("no answer")] * 3
    run = carry(begin(errand, Errand("milk")))
    assert (run.status, run.desk_code) == ("stuck", "in_doubt")
    assert advice_for(run).startswith("Ask the participant whether it happened.")


def test_why_a_run_is_undone_is_no_reason_for_its_undo_being_stuck(world) -> None:
    run = carry(begin(errand, Errand("milk")))
    run.steps.filter(position=run.position).update(error_code="")
    Run.objects.update(status="stuck", code="sold_out", position=0)
    assert advice_for(Run.objects.get()) == ""


def test_a_run_of_a_saga_that_is_not_declared_here_shows_nothing(world) -> None:
    begin(errand, Errand("milk"))
    Run.objects.update(status="stuck", name="gone")
    assert advice_for(Run.objects.get()) == ""


@pytest.mark.parametrize("words", [{"": "Do."}, {"code": " "}, {"code": None}, {"no_such_street": "Again."}])
def test_advice_that_nobody_could_read_and_a_second_one_are_refused(words) -> None:
    with pytest.raises(SagaDeclarationError, match="advice"):
        errand.advice(words)
    assert errand.advised["no_such_street"] == WORDS


def test_advice_is_the_sagas_own() -> None:
    other = Saga[Errand]("another-errand", version=7, deadline=timedelta(minutes=1))
    registry.forget(other)  # it has no steps, which the checks would find
    assert other.advised == {}
