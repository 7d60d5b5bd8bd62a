"""A run that waits for a person: yes with a form, no, send back; who may not answer is told why."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import transaction
from django.urls import reverse

from outbox.models import OutboxMessage
from sagas import TooLate, WrongState, desk
from sagas.alerts import reminders
from sagas.engine.kept_waits import AnswerOverdue
from sagas.front.causes import causes_for
from sagas.models import Act, Run, Step, Wait
from sagas.testing import time_passes
from tests.concurrency.meanwhile import Meanwhile
from tests.support.sagas.admin_pages import log_in
from tests.support.sagas.crossing import permit
from tests.support.sagas.driver import begin, carry, step_once

from .conftest import IN_A_MONTH

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("production_static")]
TERMS = {"berth": "7a", "fee": 300}


@pytest.fixture
def master():
    """Somebody who may answer, and may not see runs."""
    user = User.objects.create_user("mia", "mia@example.com", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="pause_run"))
    user.groups.add(Group.objects.create(name="harbour masters"))
    return User.objects.get(pk=user.pk)


@pytest.fixture
def asked():
    """A run that waits for a person."""
    run_id = begin(permit, IN_A_MONTH)
    for _ in range(3):
        step_once(run_id)
    assert Run.objects.get().reason.startswith("may it moor?: waits for a person until 20")
    return run_id


def test_yes_with_the_form_is_the_steps_result(asked, master):
    desk.approve(asked, actor=master, reason="There is room.", form=TERMS)
    run = carry(asked)
    assert run.status == "completed"
    assert run.steps.get(name="granted").result == TERMS
    assert run.steps.get(name="enter").result == "draft 1 at 7a"
    record = Act.objects.get()
    assert (record.verb, record.actor, record.reason) == ("approve", master, "There is room.")
    assert (record.after["answer"], record.after["form"]) == ("yes", TERMS)


def test_no_undoes_the_run_and_its_words_are_the_reason(asked, master, log):
    desk.decline(asked, actor=master, reason="It is full.")
    run = carry(asked)
    assert (run.status, run.code) == ("compensated", "not_approved")
    assert "mia says no: It is full." in run.reason
    assert log.called == ["hold_berth", "draft", "free_berth"]


def test_sent_back_the_steps_run_again_and_a_person_is_asked_anew(asked, master, log):
    desk.send_back(asked, actor=master, reason="Name the ship.", to="draft")
    assert not Wait.objects.filter(over_at=None).exists()
    assert Run.objects.get().reason == "mia sends it back to draft: Name the ship."
    step_once(asked)
    step_once(asked)
    assert Wait.objects.get(over_at=None).step == "granted"
    assert Step.objects.get(name="draft").result == "draft 2"
    desk.approve(asked, actor=master, reason="Better.", form=TERMS)
    assert carry(asked).steps.get(name="enter").result == "draft 2 at 7a"
    assert log.called == ["hold_berth", "draft", "Name the ship.", "draft"]


def test_nobody_answers_in_time_and_the_run_is_undone(asked, master):
    time_passes(timedelta(days=2))
    with pytest.raises(TooLate, match="its time was over"):
        desk.approve(asked, actor=master, reason="Late.", form=TERMS)
    assert carry(asked).code == "no_answer"


def test_a_second_answer_is_told_of_the_first(asked, master):
    desk.decline(asked, actor=master, reason="It is full.")
    for verb, given in ((desk.approve, {"form": TERMS}), (desk.decline, {}), (desk.send_back, {"to": "draft"})):
        with pytest.raises(TooLate, match="answered already"):
            verb(asked, actor=master, reason="Again.", **given)


def test_of_two_answers_at_once_the_first_counts(asked, master):
    other = Meanwhile(lambda: desk.approve(asked, actor=master, reason="Yes.", form=TERMS))
    with transaction.atomic():
        desk.decline(asked, actor=master, reason="No.")
        other.waits()
    other.ends()
    assert isinstance(other.raised, TooLate)
    assert carry(asked).code == "not_approved"


@pytest.mark.parametrize(
    ("lacks", "told"),
    [
        ("permission", "mia may not answer this: the permission sagas.pause_run is missing."),
        ("group", "mia may not answer this: only the group harbour masters may."),
    ],
)
def test_who_may_not_answer_is_told_why(asked, master, lacks, told):
    master.groups.clear() if lacks == "group" else master.user_permissions.clear()
    with pytest.raises(desk.MayNotAnswer, match=told):
        desk.approve(asked, actor=User.objects.get(pk=master.pk), reason="Yes.", form=TERMS)
    assert not Act.objects.exists()


def test_what_does_not_fit_is_refused(asked, master):
    with pytest.raises(desk.DoesNotFit, match="does not fit what granted returns, Terms"):
        desk.approve(asked, actor=master, reason="Yes.", form={"fee": "much"})
    with pytest.raises(desk.DoesNotFit, match="not sent back to 'enter': it can be to draft"):
        desk.send_back(asked, actor=master, reason="Again.", to="enter")


def test_a_run_that_asks_nobody_takes_no_answer(master):
    run_id = begin(permit, IN_A_MONTH)
    with pytest.raises(WrongState, match="not waiting for a person's answer"):
        desk.approve(run_id, actor=master, reason="Yes.", form=TERMS)


def test_two_people_answer_where_the_setting_says_so(asked, master, settings):
    settings.SAGAS_SECOND_PERSON = ("approve",)
    other = User.objects.create_superuser("otto")
    with pytest.raises(desk.SecondPersonNeeded):
        desk.approve(asked, actor=master, reason="Yes.", form=TERMS)
    proposal = desk.propose("approve", asked, actor=master, reason="Yes.", form=TERMS)
    desk.confirm(proposal.pk, actor=other, reason="I agree.")
    assert carry(asked).status == "completed"


def test_those_who_may_answer_are_reminded_once(asked, master):
    OutboxMessage.objects.all().delete()
    time_passes(timedelta(days=1, minutes=1))
    step_once(asked)
    assert OutboxMessage.objects.filter(type="sagas.answer_overdue").count() == 1
    time_passes(timedelta(hours=1))
    Step.objects.update(next_attempt_at=None)
    step_once(asked)
    assert OutboxMessage.objects.filter(type="sagas.answer_overdue").count() == 1


def test_the_reminder_goes_to_those_who_may_answer(asked, master):
    User.objects.create_user("cyd", "cyd@example.com")
    reminders.remind(overdue(asked))
    (letter,) = mail.outbox
    assert letter.bcc == ["mia@example.com"]
    assert "for an answer: may it moor?" in letter.body


def test_nobody_is_reminded_of_what_is_answered(asked, master):
    desk.decline(asked, actor=master, reason="It is full.")
    carry(asked)
    reminders.remind(overdue(asked))
    assert mail.outbox == []


def overdue(run_id):
    """The event, as its subscriber is given it."""
    from types import SimpleNamespace

    return SimpleNamespace(body=AnswerOverdue(run_id, "granted"), id=run_id)


# --- The pages -----------------------------------------------------------------------------------------------------


def test_the_inbox_shows_what_is_mine_and_the_answer_is_given_there(asked, master, client):
    client.force_login(master)
    text = client.get(reverse("admin:sagas_inbox")).content.decode()
    assert "may it moor?" in text
    assert "12.50 EUR" in text
    form = client.get(reverse("admin:sagas_desk", args=["approve"]), {"run": asked})
    assert 'name="form.berth"' in form.content.decode()
    run = Run.objects.get()
    given = {"run": f"{run.pk}:{run.row_version}", "reason": "Yes.", "form.berth": "7a", "form.fee": "300"}
    answer = client.post(reverse("admin:sagas_desk", args=["approve"]), given)
    assert answer.url == reverse("admin:sagas_inbox")
    assert carry(asked).steps.get(name="granted").result == TERMS


def test_on_the_first_page_it_counts_once(asked, master):
    (cause,) = causes_for(master)
    assert (cause.about, cause.where, cause.count, cause.money) == ("permit", "Granted", 1, "12.50 EUR")
    assert cause.url == reverse("admin:sagas_inbox")
    assert causes_for(User.objects.create_user("cyd")) == []
    Run.objects.update(asks_since="2026-01-01T00:00:00Z", desk_since="2026-01-01T00:00:00Z")
    assert causes_for(master) == [], "an operator is asked about it, and it counts as that"


def test_the_page_refuses_a_stranger_with_the_reason(asked, client):
    client.force_login(User.objects.create_user("cyd", is_staff=True))
    answer = client.get(reverse("admin:sagas_desk", args=["decline"]), {"run": asked})
    assert answer.status_code == 403
    assert "may it moor?" not in client.get(reverse("admin:sagas_inbox")).content.decode()


def test_an_operator_sees_who_must_answer(asked, client):
    log_in(client, "view_run")
    text = client.get(reverse("admin:sagas_inbox")).content.decode()
    assert "the permission sagas.pause_run and the group harbour masters" in text


def test_the_command_line_needs_an_account(asked, master):
    given = {"form": '{"berth": "7a"}', "reason": "Yes."}
    with pytest.raises(CommandError, match="name yours with --as"):
        call_command("saga", "approve", str(asked), **given)
    call_command("saga", "approve", str(asked), **given, **{"as": "mia"})
    assert carry(asked).status == "completed"
