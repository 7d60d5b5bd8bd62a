"""What operators do in the admin to one run: confirm, act, read the record."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from sagas import desk
from sagas.models import Act, Run, RunStatus
from tests.support.sagas.admin_pages import EVERY_ACT, LIST, LOST, act, done, log_in, open_run, page_of, said, stuck
from tests.support.sagas.driver import begin, carry, step_once
from tests.support.sagas.errand import Errand, errand

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("production_static")]

# --- The desk ------------------------------------------------------------------------------------------------------


def test_a_confirmation_explains_shows_the_run_and_changes_nothing(operator, client, world):
    run = stuck(world)
    for verb in ("retry", "resolve"):
        text = client.get(reverse("admin:sagas_desk", args=[verb]), {"run": run.pk}).content.decode()
        assert desk.VERBS[verb].explains in text
        assert "Deliver, refused, 1 attempt" in text
    assert Run.objects.get(pk=run.pk).row_version == run.row_version
    assert not Act.objects.exists()


def test_retry_now_goes_on_and_is_recorded(operator, client, world):
    run = stuck(world)
    answer = act(client, "retry", run, reason="The street exists now.")
    assert "tries deliver again" in said(answer)
    assert carry(run.pk).status == RunStatus.COMPLETED
    record = Act.objects.get()
    assert (record.actor, record.verb, record.reason) == (operator, "retry", "The street exists now.")


def test_compensate_undoes_what_was_done(operator, client, world):
    run = open_run()
    step_once(run.pk)
    run.refresh_from_db()
    assert "undo the steps" in said(act(client, "compensate", run))
    assert carry(run.pk).status == RunStatus.COMPENSATED
    assert world.applied == set()


@pytest.mark.parametrize("ended", ["completed", "compensated"])
def test_resolve_closes_the_run_as_the_operator_says(operator, client, world, ended):
    run = stuck(world)
    answer = act(client, "resolve", run, ended=ended)
    assert "The run is closed" in said(answer)
    run.refresh_from_db()
    assert (run.status, run.resolution) == (RunStatus.RESOLVED, ended)
    assert "Closed by hand" in page_of(client, run)


def test_resolve_asks_how_it_ended(operator, client, world):
    run = stuck(world)
    answer = act(client, "resolve", run)
    assert "Say how it ended" in answer.content.decode()
    assert Run.objects.get(pk=run.pk).status == RunStatus.STUCK


@pytest.mark.parametrize("reason", ["", "   "])
def test_without_a_reason_nothing_is_done(operator, client, world, reason):
    run = stuck(world)
    answer = act(client, "retry", run, reason=reason)
    assert "Say why" in answer.content.decode()
    assert f"{run.pk}:{run.row_version}" in answer.content.decode()
    assert Run.objects.get(pk=run.pk).status == RunStatus.STUCK


def test_a_run_that_has_changed_since_the_page_was_read_is_left_alone(operator, client, world):
    run = stuck(world)
    act(client, "retry", run)
    answer = act(client, "resolve", run, ended="completed")
    assert "Nothing was done" in said(answer)
    assert "no longer as you saw it" in said(answer)
    assert Run.objects.get(pk=run.pk).status == RunStatus.RUNNING
    assert Act.objects.count() == 1


@pytest.mark.parametrize("verb", list(desk.VERBS))
def test_each_act_needs_its_own_permission(client, world, verb):
    log_in(client, "view_run", *(EVERY_ACT - {desk.VERBS[verb].permission.removeprefix("sagas.")}))
    run = stuck(world)
    assert act(client, verb, run, ended="completed").status_code == 403
    assert client.get(reverse("admin:sagas_desk", args=[verb]), {"run": run.pk}).status_code == 403
    assert f"desk/{verb}/" not in page_of(client, run)
    assert verb not in dict(client.get(reverse(LIST)).context["action_form"].fields["action"].choices)
    answer = client.post(reverse(LIST), {"action": verb, "_selected_action": [str(run.pk)]})
    assert "No action selected" in said(answer)
    assert Run.objects.get(pk=run.pk).row_version == run.row_version


def test_only_acts_that_the_state_allows_are_offered(operator, client, world):
    text = page_of(client, stuck(world))
    assert "desk/retry/" in text
    assert "desk/resolve/" in text
    assert "desk/compensate/" not in text
    ended = page_of(client, done())
    assert [verb.name for verb in desk.VERBS.values() if f"desk/{verb.name}/" in ended] == ["again", "comment"]


def test_undoing_after_the_pivot_was_asked_for_is_warned_of(operator, client, world):
    world.faults["pay"] = [LOST, LOST, LOST]
    world.faults["probe"] = [LOST]
    run = carry(begin(errand, Errand("milk"), key="order:4"))
    assert run.status == RunStatus.STUCK
    text = client.get(reverse("admin:sagas_desk", args=["compensate"]), {"run": run.pk}).content.decode()
    assert "The point of no return has been asked for" in text


@pytest.mark.parametrize("token", ["", "nonsense", f"{UUID(int=1)}:1", "RUN:x", "RUN"])
def test_a_forged_form_is_refused(operator, client, world, token):
    run = stuck(world)
    given = {"run": token.replace("RUN", str(run.pk)), "reason": "x"}
    answer = client.post(reverse("admin:sagas_desk", args=["retry"]), given)
    assert answer.status_code == 404 or "This page does not say which runs it is about" in answer.content.decode()
    assert not Act.objects.exists()


def test_every_act_is_listed_with_its_run(operator, client, world):
    operator.user_permissions.add(Permission.objects.get(codename="view_act"))
    run = stuck(world)
    act(client, "retry", run, reason="The street exists now.")
    answer = client.get(reverse("admin:sagas_act_changelist"), {"q": "S-100001"})
    assert "The street exists now." in answer.content.decode()
    assert reverse("admin:sagas_run_change", args=[run.pk]) in answer.content.decode()
    assert "<h1>Acts</h1>" in answer.content.decode()
    assert "<small>Status: stuck → running</small>" in answer.content.decode()
