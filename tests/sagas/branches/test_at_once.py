"""The worker that ends a branch takes the parent further in the same task: no message need come for that."""

from __future__ import annotations

from uuid import UUID

import pytest

from sagas import tasks
from sagas.models import Child, Run
from sagas.worker import in_place
from tests.support.sagas.driver import begin, step_once
from tests.support.sagas.fleet import fleet
from tests.support.sagas.voyage import Voyage

pytestmark = pytest.mark.django_db(transaction=True)


def carry_out(run: Run) -> None:
    """The branch's one task, as a worker runs it."""
    arguments = (str(run.pk), run.name, run.version, run.steps.get().name)
    tasks.run_step.push_request(
        called_directly=False, args=arguments, kwargs={}, id="first", root_id="root", hostname="test", headers={}
    )
    try:
        tasks.run_step.run(*arguments)
    finally:
        tasks.run_step.pop_request()


def begun(run_id: UUID) -> list[Run]:
    """The branches that have started and not ended."""
    return [child.run for child in Child.objects.filter(parent=run_id, run__finished_at=None).order_by("item")]


def test_the_last_branch_takes_the_parent_to_its_end(sea, monkeypatch):
    monkeypatch.setattr(in_place, "send", lambda _chains: None)
    run_id = begin(fleet, Voyage("ann"))
    step_once(run_id)
    step_once(run_id)
    for _ in range(10):
        for branch in begun(run_id):
            carry_out(branch)
    assert Child.objects.filter(parent=run_id).count() == 6, "of both groups, and what comes after others, too"
    assert Run.objects.get(pk=run_id).status == "completed"
