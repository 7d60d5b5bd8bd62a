"""Run again from a step: a new run of an ended one, which carries over what was done, and doubles nothing unasked."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import transaction

from sagas import RanAgain, Refused, WrongState, desk
from sagas.models import Act, Run, Step
from sagas.presentation.text_tables import run_lines
from tests.concurrency.meanwhile import Meanwhile
from tests.support.sagas.driver import begin, carry
from tests.support.sagas.errand import Errand, errand
from tests.support.sagas.fleet import fleet
from tests.support.sagas.picnic import Picnic, picnic

pytestmark = pytest.mark.django_db(transaction=True)
AFTER_PAYING = ("deliver",)
FROM_PAYING = ("pay", "deliver")


@pytest.fixture
def ann():
    return get_user_model().objects.create_user("ann")


def done() -> Run:
    return carry(begin(errand, Errand("milk")))


def undone(world) -> Run:
    world.faults["pay"] = [Refused("declined")]
    return carry(begin(errand, Errand("milk")))


def again(run: Run, ann, step: str, **given) -> Run:
    given = {"reason": "The letter box was full.", **given}
    return Run.objects.get(pk=desk.run_again(run.pk, step, actor=ann, **given))


def keys_of(run: Run, *names: str) -> set[str]:
    return {f"{run.pk}.{name}" for name in names}


# --- What it does --------------------------------------------------------------------------------------------------


def test_earlier_steps_are_carried_over_and_the_rest_is_done_under_new_keys(world, ann):
    old = done()
    new = again(old, ann, "deliver", confirm=AFTER_PAYING)
    assert (new.key, new.subject, new.input) == ("key-1.again", old.subject, old.input)
    carried = list(new.steps.filter(carried_from=old.pk))
    assert [step.name for step in carried] == ["fetch", "think", "wrap", "pay"]
    assert [step.status for step in carried] == ["done"] * 4
    assert [step.result for step in carried] == [step.result for step in old.steps.all()[:4]]
    assert carry(new.pk).status == "completed"
    assert world.log == ["fetch", "think", "wrap", "pay", "deliver", "deliver"]
    assert world.keys["deliver"] == keys_of(old, "deliver") | keys_of(new, "deliver")
    assert world.keys["pay"] == keys_of(old, "pay")
    assert str(new.steps.get(name="deliver").result).endswith(f"after {old.steps.get(name='pay').result}")


def test_both_runs_have_the_act_and_name_each_other(world, ann):
    old = done()
    new = again(old, ann, "deliver", confirm=AFTER_PAYING, key="second")
    ours, theirs = Act.objects.get(run=old), Act.objects.get(run=new)
    assert {(act.verb, act.actor, act.reason) for act in (ours, theirs)} == {("again", ann, "The letter box was full.")}
    assert (ours.after["again_run"], ours.after["again_key"]) == (str(new.pk), "second")
    assert (theirs.before["again_of"], theirs.before["again_of_key"]) == (str(old.pk), "key-1")
    assert ours.after["confirmed"] == theirs.after["confirmed"] == ["deliver"]


def test_one_that_was_undone_begins_anew_without_a_question(world, ann):
    new = again(undone(world), ann, "fetch", confirm=("think",))
    assert not new.steps.filter(carried_from__isnull=False).exists()
    assert carry(new.pk).status == "completed"


def test_what_is_carried_over_is_never_undone_by_the_new_run(world, ann):
    old = done()
    world.log.clear()
    world.faults["pay"] = [Refused("declined")]
    new = carry(again(old, ann, "wrap", confirm=("wrap", *FROM_PAYING)).pk)
    assert new.status == "compensated"
    assert world.log == ["wrap", "unwrap"]
    assert world.keys["unwrap"] == keys_of(new, "wrap")
    assert new.steps.get(name="fetch").status == "done"


def test_a_run_of_a_run_names_the_one_that_did_it(world, ann):
    old = done()
    second = carry(again(old, ann, "deliver", confirm=AFTER_PAYING).pk)
    third = again(second, ann, "deliver", confirm=AFTER_PAYING)
    assert third.steps.get(name="fetch").carried_from == old.pk


def test_a_step_that_was_passed_over_stays_so(ann):
    old = carry(begin(picnic, Picnic("nowhere")))
    new = again(old, ann, "set_off", confirm=("set_off", "wave"))
    assert new.steps.get(name="invite").status == "passed_over"
    assert carry(new.pk).steps.get(name="set_off").result == "with flowers and None"


def test_its_chain_begins_at_the_step(world, ann):
    from outbox.models import OutboxMessage

    old = done()
    OutboxMessage.objects.all().delete()
    again(old, ann, "deliver", confirm=AFTER_PAYING)
    sent = [json.loads(message.payload) for message in OutboxMessage.objects.filter(type="sagas.run_ready")]
    assert {4} <= {payload["position"] for payload in sent}


# --- What it refuses -----------------------------------------------------------------------------------------------


def test_an_effect_that_would_be_doubled_is_named_and_nothing_is_done(world, ann):
    old = done()
    for confirm in ((), ("pay",)):
        with pytest.raises(desk.EffectsDoubled, match=r"once more, under new idempotency keys: pay, deliver") as told:
            again(old, ann, "pay", confirm=confirm)
    assert told.value.steps == FROM_PAYING
    assert Run.objects.count() == 1
    assert not Act.objects.exists()


def test_a_local_step_doubles_nothing(ann):
    old = carry(begin(picnic, Picnic("the park")))
    with pytest.raises(desk.EffectsDoubled) as told:
        again(old, ann, "invite")
    assert told.value.steps == ("set_off", "wave")


def test_what_a_person_says_of_a_run_closed_by_hand_counts(world, ann):
    world.faults["deliver"] = [Refused("no_such_street")]
    run_id = begin(errand, Errand("milk"))
    carry(run_id)
    desk.resolve(run_id, actor=ann, reason="Taken there.", ended="completed")
    with pytest.raises(desk.EffectsDoubled, match="deliver"):
        again(Run.objects.get(pk=run_id), ann, "deliver")


def test_nothing_of_a_run_closed_as_undone_is_carried_over(world, ann):
    world.faults["deliver"] = [Refused("no_such_street")]
    run_id = begin(errand, Errand("milk"))
    carry(run_id)
    desk.resolve(run_id, actor=ann, reason="Paid back.", ended="compensated")
    closed = Run.objects.get(pk=run_id)
    with pytest.raises(desk.DoesNotFit, match="nothing of fetch is left"):
        again(closed, ann, "deliver")
    assert carry(again(closed, ann, "fetch").pk).status == "completed"


def test_a_step_that_was_undone_cannot_be_carried_over(world, ann):
    with pytest.raises(desk.DoesNotFit, match=r"fetch is undone in that run.*Run again from fetch"):
        again(undone(world), ann, "deliver")


def test_an_open_run_is_not(world, ann):
    run = Run.objects.get(pk=begin(errand, Errand("milk")))
    with pytest.raises(WrongState, match="Only a run that has ended is"):
        again(run, ann, "fetch")
    assert not desk.allowed(run, "again")


def test_twice_it_is_not(world, ann):
    old = done()
    again(old, ann, "deliver", confirm=AFTER_PAYING)
    with pytest.raises(WrongState, match=r"run again already, as key-1\.again"):
        again(old, ann, "deliver", confirm=AFTER_PAYING, key="third")
    assert not desk.allowed(old, "again")


def test_two_people_at_once_start_one(world, ann):
    old = done()
    with transaction.atomic():
        again(old, ann, "deliver", confirm=AFTER_PAYING, key="mine")
        other = Meanwhile(lambda: again(old, ann, "deliver", confirm=AFTER_PAYING, key="theirs"))
        other.waits()
    other.ends()
    assert "run again already, as mine" in str(other.raised)
    assert Run.objects.count() == 2


def test_a_key_that_is_taken_is_refused(world, ann):
    old = done()
    with pytest.raises(desk.DoesNotFit, match=r"with the key key-1 already\. Give another"):
        again(old, ann, "deliver", confirm=AFTER_PAYING, key="key-1")


def test_an_unknown_step_is_named(world, ann):
    with pytest.raises(desk.DoesNotFit, match=r"errand has no step 'sing'\. It has: fetch, think"):
        again(done(), ann, "sing")


def test_a_saga_may_refuse_in_words(world, ann, monkeypatch):
    old = done()
    monkeypatch.setattr(errand, "not_again", "Run another errand.")
    with pytest.raises(desk.DoesNotFit, match="Run another errand"):
        again(old, ann, "deliver", confirm=AFTER_PAYING)
    assert not desk.allowed(old, "again")


def test_the_hosts_hook_hears_of_it_in_the_transaction_and_may_refuse(world, ann, monkeypatch):
    old, heard = done(), []

    def follow(told: RanAgain[Errand]) -> None:
        heard.append((told.of_key, told.key, told.step, told.input.what))
        raise ValueError("The errand is closed.")

    monkeypatch.setattr(errand, "ran_again_run", follow)
    with pytest.raises(desk.DoesNotFit, match="The errand is closed"):
        again(old, ann, "deliver", confirm=AFTER_PAYING)
    assert heard == [("key-1", "key-1.again", "deliver", "milk")]
    assert Run.objects.count() == 1


def test_steps_side_by_side_are_run_again_together(ann):
    when = dict.fromkeys(("created_at", "updated_at", "finished_at"), "2020-01-01T00:00:00Z")
    run = Run.objects.create(name="fleet", key="f", version=1, input={"captain": "ann"}, status="completed", **when)
    rows = (Step(run=run, position=step.position, name=step.name, status="done", result="x") for step in fleet.steps)
    Step.objects.bulk_create(rows)
    with pytest.raises(desk.DoesNotFit, match=r"fill_food stands side by side.*Run again from fill_water\+"):
        again(run, ann, "fill_food")
    with pytest.raises(desk.DoesNotFit, match="started runs, and those belong to the run that has ended"):
        again(run, ann, "set_sail")


# --- The doors -----------------------------------------------------------------------------------------------------


def test_the_command_names_what_would_be_doubled_and_then_does_it(world, ann, capsys):
    old = done()
    given = ["saga", "again", str(old.pk), "--from", "deliver", "--reason", "The box was full.", "--as", "ann"]
    get_user_model().objects.filter(pk=ann.pk).update(is_superuser=True)
    with pytest.raises(CommandError, match=r"confirm it by naming them: deliver\."):
        call_command(*given)
    call_command(*given, "--confirm", "deliver")
    new = Run.objects.get(key="key-1.again")
    assert f"The new run: {new.pk}" in capsys.readouterr().out
    assert any("again" in line for line in run_lines(new, new.created_at))


def test_the_page_asks_for_a_confirmation_with_the_list(world, admin_client):
    old = done()
    text = admin_client.get("/admin/sagas/run/desk/again/", {"run": old.pk}).content.decode()
    assert 'value="key-1.again"' in text
    form = {"run": f"{old.pk}:{old.row_version}", "reason": "Box full.", "from_step": "deliver", "key": ""}
    asked = admin_client.post("/admin/sagas/run/desk/again/", form)
    assert "<li>Deliver</li>" in asked.content.decode()
    assert 'name="confirm" value="deliver"' in asked.content.decode()
    assert Run.objects.count() == 1
    admin_client.post("/admin/sagas/run/desk/again/", form | {"confirm": "deliver"})
    new = Run.objects.get(key="key-1.again")
    pages = [admin_client.get(f"/admin/sagas/run/{run.pk}/change/").content.decode() for run in (old, new)]
    assert f"/admin/sagas/run/{new.pk}/change/" in pages[0]
    assert pages[1].count(f"/admin/sagas/run/{old.pk}/change/") >= 5, "the fact, and each step that is carried over"


def test_where_two_people_are_needed_the_second_sees_what_is_doubled(world, ann, settings):
    settings.SAGAS_SECOND_PERSON = ("again",)
    old, bob = done(), get_user_model().objects.create_user("bob")
    proposal = desk.propose("again", old.pk, actor=ann, reason="Box full.", from_step="deliver", confirm=["deliver"])
    assert proposal.after["differs"] == "These steps take effect once more: deliver"
    desk.confirm(proposal.pk, actor=bob, reason="Yes.")
    assert Run.objects.filter(key="key-1.again").exists()
