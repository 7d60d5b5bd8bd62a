"""Hooks of the host that fail, and hosts that cannot read an input."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from sagas import Refused, desk
from sagas.models import Run
from tests.support.sagas import errand as module
from tests.support.sagas.driver import begin, carry, carry_until_asked, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)
PAST = "2020-01-01T00:00:00Z"


@pytest.fixture
def ann():
    return get_user_model().objects.create_user("ann")


# --- The host's hooks ----------------------------------------------------------------------------------------------


def test_a_refusal_raised_by_a_hook_is_not_the_participants(world, monkeypatch):
    def refuse(ctx, result):
        raise Refused("credit_limit")

    monkeypatch.setattr(module.fetch, "recorded_run", refuse)
    run = carry_until_asked(begin(errand, Errand("milk")))
    assert run.status == "running"
    assert "credit_limit" in run.reason
    Run.objects.update(deadline_at=PAST)
    assert carry(run.pk).status == "compensated"
    assert "fetch" not in world.applied, "it was applied, so that it is undone"


def test_a_status_hook_that_fails_brings_the_run_to_a_person(world, monkeypatch):
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)

    def fail(change):
        raise RuntimeError("the order is gone")

    monkeypatch.setattr(errand, "status_hook", fail)
    Run.objects.update(cancel_requested_at=PAST)
    step_once(run_id)
    run = Run.objects.get()
    assert (run.status, run.code) == ("stuck", "hook_failed")
    assert "the order is gone" in run.reason


def test_the_host_is_told_of_a_run_whose_input_cannot_be_read(world):
    run_id = begin(errand, Errand("milk"))
    Run.objects.update(input={"was": "milk"})
    assert carry(run_id).status == "stuck"
    assert world.statuses == ["stuck"]


def test_a_retry_after_a_failed_status_hook_goes_on_the_way_the_run_was_going(world, ann, monkeypatch):
    run_id = begin(errand, Errand("milk"))
    step_once(run_id)

    def fail(change):
        raise RuntimeError("the order is gone")

    with monkeypatch.context() as patch:
        patch.setattr(errand, "status_hook", fail)
        errand.cancel("key-1", reason="changed my mind", actor="customer")
    assert Run.objects.get().status == "stuck"
    assert not desk.allowed(Run.objects.get(), "compensate")
    desk.retry_now(run_id, actor=ann, reason="the order is back")
    assert carry(run_id).status == "compensated"
    assert world.log == ["fetch", "bring_back"]
