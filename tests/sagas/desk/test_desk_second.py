"""Acts of two people: one proposes, another confirms or rejects."""

from __future__ import annotations

import io
import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.urls import reverse

from sagas import Refused, WrongState, desk
from sagas.checks import check_second_person
from sagas.desk import bulk_acts
from sagas.models import Act, Run
from tests.support.sagas.admin_pages import page_of, said
from tests.support.sagas.driver import begin, carry
from tests.support.sagas.errand import Errand, errand

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def two_people(settings):
    settings.SAGAS_SECOND_PERSON = ("skip", "retry")


def user(name: str, *permissions: str) -> User:
    made = User.objects.create_user(name, is_staff=True)
    made.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return made


@pytest.fixture
def ann():
    return user("ann", "skip_run", "view_run")


@pytest.fixture
def bob():
    return user("bob", "skip_run", "view_run")


@pytest.fixture
def stuck(world) -> Run:
    world.faults["deliver"] = [Refused("no_such_street", "The street is unknown.")]
    return carry(begin(errand, Errand("milk")))


@pytest.fixture
def proposal(stuck, ann) -> Act:
    return desk.propose("skip", stuck.pk, actor=ann, reason="I took it there.", result="given")


def test_one_person_alone_cannot_do_it(stuck, ann):
    with pytest.raises(desk.SecondPersonNeeded, match="skip needs two people here: propose it, and somebody else conf"):
        desk.skip(stuck.pk, actor=ann, reason="x", result="given")
    assert Run.objects.get().row_version == stuck.row_version
    assert not Act.objects.exists()


def test_nor_as_one_of_many(stuck, ann):
    for order in (desk.bulk, bulk_acts.start_bulk):
        with pytest.raises(
            desk.DoesNotFit, match="retry needs two people here: it is proposed and confirmed run by run"
        ):
            order("retry", desk.Filter(), actor=ann, reason="x")


def test_an_act_that_is_not_named_needs_one_person_only(stuck, ann):
    with pytest.raises(desk.DoesNotFit, match="resolve needs no second person here: just do it"):
        desk.propose("resolve", stuck.pk, actor=ann, reason="x", ended="completed")
    desk.resolve(stuck.pk, actor=ann, reason="x", ended="completed")


def test_a_proposal_is_recorded_and_does_nothing(stuck, ann, proposal):
    run = Run.objects.get()
    assert (run.status, run.row_version) == ("stuck", stuck.row_version)
    assert (proposal.verb, proposal.actor, proposal.after) == ("propose_skip", ann, {"given": {"result": "given"}})
    assert desk.open_proposal(run) == proposal


def test_another_person_confirms_and_it_is_done(proposal, ann, bob):
    desk.confirm(proposal.pk, actor=bob, reason="I saw the receipt.")
    run = Run.objects.get()
    assert (run.status, run.steps.get(name="deliver").result) == ("completed", "given")
    act = Act.objects.get(verb="skip")
    assert (act.actor, act.reason) == (bob, "I saw the receipt.")
    assert (act.before["proposal"], act.before["proposed_by"]) == (proposal.pk, "ann")
    assert desk.open_proposal(run) is None


def test_the_same_person_is_refused(proposal, ann):
    with pytest.raises(desk.SamePerson, match="You proposed it yourself: somebody else must confirm it"):
        desk.confirm(proposal.pk, actor=ann, reason="x")
    assert Run.objects.get().status == "stuck"


def test_a_rejected_proposal_cannot_be_confirmed(proposal, bob):
    desk.reject(proposal.pk, actor=bob, reason="No receipt.")
    with pytest.raises(WrongState, match="The proposal was confirmed or rejected already"):
        desk.confirm(proposal.pk, actor=bob, reason="x")
    assert [act.verb for act in Act.objects.all()] == ["propose_skip", "reject"]
    assert Run.objects.get().status == "stuck"


def test_a_proposal_is_confirmed_once(proposal, bob):
    desk.confirm(proposal.pk, actor=bob, reason="x")
    with pytest.raises(WrongState, match="The proposal was confirmed or rejected already"):
        desk.confirm(proposal.pk, actor=bob, reason="x")
    assert Act.objects.filter(verb="skip").count() == 1


def test_a_proposal_ends_with_the_state_it_was_made_on(proposal, stuck, ann, bob):
    desk.set_input(stuck.pk, actor=ann, reason="x", changes={"what": "bread"})
    with pytest.raises(WrongState, match=r"no longer as the proposer saw it\. Look at it again and propose anew"):
        desk.confirm(proposal.pk, actor=bob, reason="x")
    assert desk.open_proposal(Run.objects.get()) is None
    desk.propose("skip", stuck.pk, actor=bob, reason="x", result="given")


def test_a_run_has_one_open_proposal(proposal, stuck, bob):
    with pytest.raises(WrongState, match="waiting for a second person, by ann's proposal"):
        desk.propose("skip", stuck.pk, actor=bob, reason="x", result="other")


def test_what_does_not_fit_is_not_proposed(stuck, ann):
    with pytest.raises(desk.DoesNotFit, match="Expected `str`, got `int`"):
        desk.propose("skip", stuck.pk, actor=ann, reason="x", result=7)
    assert not Act.objects.exists()


def test_what_no_longer_fits_when_it_is_confirmed_leaves_the_proposal(proposal, bob, monkeypatch):
    def refuse(_context: object, result: str) -> None:
        raise ValueError(f"{result} is no longer owed")

    monkeypatch.setattr(errand.named("deliver"), "validator_run", refuse)
    with pytest.raises(desk.DoesNotFit, match="no longer owed"):
        desk.confirm(proposal.pk, actor=bob, reason="x")
    assert desk.open_proposal(Run.objects.get()) == proposal


def test_a_run_that_does_not_allow_it_is_not_proposed_for(world, ann):
    run = carry(begin(errand, Errand("milk")))
    with pytest.raises(WrongState, match=r"Cannot propose to skip: the run is completed\."):
        desk.propose("skip", run.pk, actor=ann, reason="x")


def test_two_people_are_told_apart_by_their_accounts(stuck, proposal):
    for do in (desk.confirm, desk.reject):
        with pytest.raises(desk.DoesNotFit, match="Two people are told apart by their accounts"):
            do(proposal.pk, actor=desk.Person("root"), reason="x")


def test_a_name_that_is_no_act_is_found_by_the_checks(settings):
    assert check_second_person() == []
    for wrong in (("skip", "capture"), "skip"):
        settings.SAGAS_SECOND_PERSON = wrong
        assert "SAGAS_SECOND_PERSON names no act" in check_second_person()[0].msg


# --- In the admin and on the command line --------------------------------------------------------------------------


def send(client, stuck, result):
    given = {"run": f"{stuck.pk}:{stuck.row_version}", "reason": "I took it there.", "result": result}
    return client.post(reverse("admin:sagas_desk", args=["skip"]), given)


def test_the_admin_proposes_and_another_person_confirms(client, stuck, ann, bob):
    client.force_login(ann)
    page = client.get(reverse("admin:sagas_desk", args=["skip"]), {"run": stuck.pk}).content.decode()
    assert "Two people do this here: you propose it, and somebody else confirms it." in page
    assert "proposed and recorded. Somebody else must confirm it." in said(send(client, stuck, '"given"'))
    proposal = Act.objects.get()
    confirm = reverse("admin:sagas_proposal", args=[proposal.pk, "confirm"])
    text = page_of(client, stuck)
    assert "ann proposes: Skip with a result. I took it there." in text
    assert (confirm in text, "Withdraw" in text) == (False, True)
    assert "You proposed it yourself" in said(client.post(confirm, {"reason": "x"}))

    client.force_login(bob)
    assert confirm in page_of(client, stuck)
    assert "Withdraw" not in page_of(client, stuck)
    assert "&quot;result&quot;: &quot;given&quot;" in client.get(confirm).content.decode()
    assert "Say why" in client.post(confirm, {"reason": ""}).content.decode()
    assert "Confirmed: done and recorded." in said(client.post(confirm, {"reason": "I saw the receipt."}))
    assert Run.objects.get().status == "completed"


def test_only_who_may_do_it_may_answer(client, proposal, stuck):
    client.force_login(user("cyd", "view_run"))
    for answer in ("confirm", "reject"):
        url = reverse("admin:sagas_proposal", args=[proposal.pk, answer])
        assert client.post(url, {"reason": "x"}).status_code == 403
        assert url not in page_of(client, stuck)
    assert "ann proposes" in page_of(client, stuck)


def test_an_open_proposal_changes_nothing_in_the_timeline_and_keeps_others_from_being_offered(
    client, proposal, stuck, bob
):
    client.force_login(bob)
    text = page_of(client, stuck)
    assert "Propose skip by ann" in text
    assert "Status: stuck →" not in text
    assert text.count("Stuck: waits for a person") == 1
    assert "Stuck: waited for a person" not in text
    assert "desk/skip/" not in text
    client.post(reverse("admin:sagas_proposal", args=[proposal.pk, "reject"]), {"reason": "No receipt."})
    assert "desk/skip/" in page_of(client, stuck)


def test_a_proposal_is_rejected_in_the_admin(client, proposal, stuck, bob):
    client.force_login(bob)
    reject = reverse("admin:sagas_proposal", args=[proposal.pk, "reject"])
    assert "Rejected: nothing was done." in said(client.post(reject, {"reason": "No receipt."}))
    assert "ann proposes" not in page_of(client, stuck)
    assert client.get(reverse("admin:sagas_proposal", args=[proposal.pk + 9, "reject"])).status_code == 404


def saga(*words: str) -> str:
    out = io.StringIO()
    call_command("saga", *words, stdout=out)
    return out.getvalue()


def test_the_command_line_proposes_and_confirms(stuck, ann, bob):
    text = saga("skip", str(stuck.pk), "--reason", "x", "--result", '"given"', "--as", "ann")
    found = re.search(r"Skip with a result: proposed\. Somebody else confirms it: saga confirm (\d+)", text)
    assert found is not None
    with pytest.raises(CommandError, match="You proposed it yourself"):
        saga("confirm", found[1], "--reason", "x", "--as", "ann")
    assert saga("confirm", found[1], "--reason", "I saw the receipt.", "--as", "bob") == "Confirmed and recorded.\n"
    assert Run.objects.get().status == "completed"


def test_the_command_line_needs_an_account_for_it(stuck):
    with pytest.raises(CommandError, match="Two people are told apart by their accounts: name yours with --as"):
        saga("skip", str(stuck.pk), "--reason", "x", "--result", '"given"')
    with pytest.raises(CommandError, match="There is no proposal 7"):
        saga("confirm", "7", "--reason", "x", "--as", get_user_model().objects.create_user("dan").username)
