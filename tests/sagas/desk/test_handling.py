"""Comment, assign and snooze: recorded, and without any effect on how the run goes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.utils import timezone

from sagas import desk
from sagas.errors import WrongState
from sagas.maintenance.prune import prune_runs
from sagas.models import Act, Handling, Run
from tests.support.sagas.admin_pages import done, open_run, stuck

pytestmark = pytest.mark.django_db(transaction=True)
OLGA = desk.Person("olga")


@pytest.fixture
def pia():
    user = User.objects.create_user("pia", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_run"))
    return user


def engine_rows() -> list[object]:
    return [*Run.objects.values(), *Run.objects.get().steps.values()]


def test_a_comment_is_recorded_and_changes_nothing_of_a_run_that_has_ended_either(world):
    run = done()
    before = engine_rows()
    desk.comment(run.pk, actor=OLGA, reason="The customer has called.")
    assert engine_rows() == before
    assert [(one.verb, one.actor_name, one.reason) for one in Act.objects.all()] == [
        ("comment", "olga", "The customer has called.")
    ]


def test_a_run_is_assigned_and_taken_away_again(world, pia):
    run = stuck(world)
    before = engine_rows()
    desk.assign(run.pk, actor=OLGA, reason="She knows them.", assignee="pia")
    assert Handling.objects.get().assignee == pia
    desk.assign(run.pk, actor=OLGA, reason="She is away.", assignee="")
    assert Handling.objects.get().assignee is None
    assert engine_rows() == before
    assert [(one.before["assignee"], one.after["assignee"]) for one in Act.objects.all()] == [("", "pia"), ("pia", "")]


def test_who_may_not_see_runs_is_assigned_none(world):
    User.objects.create_user("bob", is_staff=True)
    run = stuck(world)
    for name in ("bob", "nobody of that name"):
        with pytest.raises(desk.DoesNotFit, match="who may see runs"):
            desk.assign(run.pk, actor=OLGA, reason="Please.", assignee=name)
    assert not Handling.objects.exists()
    assert not Act.objects.exists()


def test_a_run_that_has_ended_is_assigned_to_nobody(world, pia):
    with pytest.raises(WrongState):
        desk.assign(done().pk, actor=OLGA, reason="Please.", assignee="pia")


def test_a_snooze_ends_by_itself_and_can_be_ended(world):
    run = stuck(world)
    before, until = engine_rows(), timezone.now() + timedelta(hours=2)
    desk.snooze(run.pk, actor=OLGA, reason="They call back at four.", until=until)
    assert Handling.objects.get().snoozed_until == until
    desk.snooze(run.pk, actor=OLGA, reason="They have called.", until="")
    assert Handling.objects.get().snoozed_until is None
    assert engine_rows() == before


@pytest.mark.parametrize("until", ["2001-01-01T00:00", "2999-01-01T00:00", "tomorrow", "2026-02-30T10:00"])
def test_a_snooze_has_an_end_that_comes_soon(world, until):
    run = stuck(world)
    with pytest.raises(desk.DoesNotFit):
        desk.snooze(run.pk, actor=OLGA, reason="Later.", until=until)
    assert not Handling.objects.exists()


def test_what_needs_nobody_is_not_snoozed(world):
    with pytest.raises(WrongState):
        desk.snooze(open_run().pk, actor=OLGA, reason="Later.", until=timezone.now() + timedelta(hours=1))


def test_a_pruned_run_takes_its_handling_with_it(world, pia):
    run = stuck(world)
    desk.assign(run.pk, actor=OLGA, reason="She knows them.", assignee="pia")
    desk.resolve(run.pk, actor=OLGA, reason="Done by hand.", ended="completed")
    Run.objects.update(finished_at=timezone.now() - timedelta(days=400))
    assert prune_runs() == 1
    assert not Handling.objects.exists()


def test_on_the_command_line_too(world, pia):
    run = stuck(world)
    call_command("saga", "assign", str(run.pk), "--to", "pia", "--reason", "She knows them.")
    assert Handling.objects.get().assignee == pia
    call_command("saga", "comment", str(run.pk), "--reason", "Asked them.")
    with pytest.raises(CommandError, match="is no time"):
        call_command("saga", "snooze", str(run.pk), "--until", "soon", "--reason", "Later.")
