"""What became of the runs of a bulk act, and which came back."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from sagas import Refused, desk
from sagas.desk import bulk_acts
from sagas.desk.outcomes import StuckAgain, outcome_of
from sagas.desk.selection import Filter, count_groups
from sagas.models import Act, BulkAct, Run
from tests.support.sagas.admin_pages import LIST, log_in, open_run, stuck
from tests.support.sagas.driver import carry

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("production_static")]
STUCK = Filter(status="stuck", saga="errand")


@pytest.fixture
def ann():
    return get_user_model().objects.create_user("ann")


@pytest.fixture
def healed(world, ann) -> BulkAct:
    """A bulk act on five runs: two complete, one moves, and two are stuck again, for two causes."""
    runs = [stuck(world, key=f"order:{number}", subject=f"S-{number}") for number in range(5)]
    other = open_run(key="order:9")
    bulk = bulk_acts.start_bulk("retry", STUCK, actor=ann, reason="mended", rate=1000)
    bulk_acts.run_due()
    world.faults["deliver"] = [Refused("no_such_street"), Refused("nobody_there")]
    for run in runs[:4]:
        carry(run.pk)
    desk.pause(other.pk, actor=ann, reason="this one is in no bulk act")
    return bulk


def test_it_is_told_what_became_of_each_run(healed):
    found = outcome_of(healed)
    assert (found.completed, found.undone, found.resolved, found.moving, found.still) == (2, 0, 0, 1, 0)
    assert found.stuck_again == 2
    assert found.again == (
        StuckAgain("errand", "deliver", "no_such_street", 1),
        StuckAgain("errand", "deliver", "nobody_there", 1),
    )


def test_a_run_that_stayed_on_the_desk_did_not_come_back(world, ann):
    run = stuck(world)
    bulk = bulk_acts.start_bulk("resume", STUCK, actor=ann, reason="x", rate=1000)
    Run.objects.filter(pk=run.pk).update(paused_at=run.created_at)
    bulk_acts.run_due()
    found = outcome_of(bulk)
    assert (found.still, found.stuck_again, found.moving) == (1, 0, 0)


def test_only_what_failed_for_the_same_cause_is_marked_again(healed):
    assert {(group.code, group.count, group.again) for group in count_groups(STUCK)} == {
        ("no_such_street", 1, 1),
        ("nobody_there", 1, 0),
    }


def test_an_act_on_a_single_run_is_no_bulk_act(world, ann):
    run = stuck(world)
    desk.retry_now(run.pk, actor=ann, reason="mended")
    world.faults["deliver"] = [Refused("no_such_street")]
    carry(run.pk)
    assert [group.again for group in count_groups(STUCK)] == [0]
    assert Act.objects.get().bulk is None
    assert Act.objects.get().cause == "deliver no_such_street"


def test_the_pages_say_so(client, healed):
    log_in(client, "view_run", "retry_run")
    text = client.get(reverse("admin:sagas_bulkact_change", args=[healed.pk])).content.decode()
    assert "2 completed, 0 undone, 0 closed by hand, 1 in progress, 2 stuck again (2 causes)." in text
    listed = client.get(reverse(LIST), {"state": "stuck"}).content.decode()
    assert listed.count("again, after a bulk act") == 1
    preview = client.get(reverse("admin:sagas_bulk", args=["retry"]), {"state": "stuck"}).content.decode()
    assert "1 of these runs has been in an earlier bulk act for the same cause" in preview
