"""What operators see of a participant that is away, and the two things they can do about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from sagas import Participant
from sagas.models import Breaker, Run
from sagas.participants import breaker, calls
from sagas.participants.waiting import hold
from sagas.presentation.participant_labels import WaitingRuns, state_sentence, waiting_runs
from tests.support.sagas.driver import begin
from tests.support.sagas.errand import Errand, errand

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("production_static")]
LIST = "admin:sagas_breaker_changelist"
AT = datetime(2026, 3, 4, 14, 2, 5, tzinfo=UTC)
S = Breaker.State


@pytest.fixture
def operator(client):
    return log_in(client, "view_breaker", "close_breaker", "open_breaker")


def log_in(client, *permissions):
    user = User.objects.create_user("olga", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return user


def away(runs: int = 2) -> Breaker:
    for _ in range(Participant().trip_after):
        calls.settled(breaker.admit("shop", 30), answered=False, reason="connection refused")
    for number in range(runs):
        assert hold(begin(errand, Errand("milk"), key=f"key-{number}"), 0, False, "shop")
    return Breaker.objects.get(name="shop")


def page(client, name="shop") -> str:
    answer = client.get(reverse("admin:sagas_breaker_change", args=[name]))
    assert answer.status_code == 200
    return str(answer.content.decode())


def act(client, verb, reason="Called them.", name="shop"):
    return client.post(reverse("admin:sagas_breaker_act", args=[name, verb]), {"reason": reason})


def said(answer) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def test_the_list_says_who_is_away_since_when_and_how_many_runs_wait(operator, client):
    since = f"{away().opened_at:%H:%M}"
    text = client.get(reverse(LIST)).content.decode()
    assert f"Waiting for shop since {since}, 2 runs." in text
    assert "connection refused" in text
    assert text.index(">shop<") < text.index(">payments<"), "those who are waited for come first"


def test_a_participant_that_never_failed_is_listed_and_can_be_held(operator, client):
    text = client.get(reverse(LIST)).content.decode()
    for name in ("payments", "warehouse", "carrier"):
        assert f">{name}<" in text
    act(client, "open", name="payments")
    assert not breaker.admit("payments", 30).go


def test_the_list_and_the_page_say_the_limits(operator, client, settings):
    settings.SAGAS_PARTICIPANTS = {"shop": Participant(at_once=4, per_second=2.5)}
    away()
    words = "4 at once, 2.5 a second, held after 3 failures in a row, for 5 s at first and 1 min at the longest"
    assert words in client.get(reverse(LIST)).content.decode()
    assert words in page(client)


def test_the_number_of_queries_does_not_grow_with_the_list(operator, client, django_assert_max_num_queries):
    Breaker.objects.bulk_create(Breaker(name=f"p{number}") for number in range(20))
    with django_assert_max_num_queries(9):
        client.get(reverse(LIST))


def test_calls_are_let_go_with_a_reason_and_recorded(operator, client):
    away()
    assert "done and recorded" in said(act(client, "close", "They say they are back."))
    assert breaker.admit("shop", 30).go
    record = LogEntry.objects.get()
    assert (record.user, record.object_id) == (operator, "shop")
    assert record.get_change_message() == "Let calls go now: They say they are back. (away → answers)"
    assert "They say they are back." in page(client)
    assert "Returning to shop, 2 runs, up to 20 a second." in page(client)


def test_all_calls_are_held_until_they_are_let_go(operator, client):
    client.get(reverse(LIST))
    act(client, "open", "The shop moves house.")
    denied = breaker.admit("shop", 30)
    assert denied.why == "shop is away: olga: The shop moves house."
    assert "All calls are held until a person lets them go." in page(client)
    assert (
        LogEntry.objects.get().get_change_message() == "Hold all calls: The shop moves house. (answers → held by hand)"
    )
    act(client, "close")
    assert breaker.admit("shop", 30).go


@pytest.mark.parametrize("verb", ["close", "open"])
def test_without_a_reason_nothing_is_done(operator, client, verb):
    before = away()
    assert "Say why" in act(client, verb, "  ").content.decode()
    assert Breaker.objects.get(name="shop").updated_at == before.updated_at
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(("verb", "other"), [("close", "open"), ("open", "close")])
def test_each_act_needs_its_own_permission(client, verb, other):
    log_in(client, "view_breaker", f"{other}_breaker")
    before = away()
    assert act(client, verb).status_code == 403
    assert Breaker.objects.get(name="shop").updated_at == before.updated_at
    assert f"act/{verb}/" not in page(client)
    assert f"act/{other}/" in page(client)


def test_without_the_view_permission_nothing_is_shown(client):
    log_in(client, "close_breaker", "open_breaker")
    away()
    assert client.get(reverse(LIST)).status_code == 403
    assert client.get(reverse("admin:sagas_breaker_change", args=["shop"])).status_code == 403
    assert act(client, "close").status_code == 403


def test_an_act_that_would_change_nothing_says_so_and_is_not_recorded(operator, client):
    away()
    act(client, "close")
    assert "Nothing was done" in said(act(client, "close"))
    assert LogEntry.objects.count() == 1
    assert "act/close/" not in page(client)


def test_an_unknown_participant_or_act_is_not_found(operator, client):
    away()
    assert client.get(reverse("admin:sagas_breaker_change", args=["nobody"])).status_code == 404
    assert act(client, "open", name="nobody").status_code == 404
    assert act(client, "explode").status_code == 404
    assert client.get(reverse("admin:sagas_breaker_act", args=["shop", "close"])).status_code == 404
    assert not LogEntry.objects.exists()


def test_an_act_whose_record_cannot_be_written_is_not_done(operator, client, monkeypatch):
    away()

    def refuse(*_args, **_more):
        raise RuntimeError("the log is full")

    monkeypatch.setattr("sagas.admin.participants.ParticipantAdmin.log_change", refuse)
    with pytest.raises(RuntimeError):
        act(client, "close")
    assert Breaker.objects.get(name="shop").state == S.OPEN


# --- The words -----------------------------------------------------------------------------------------------------


def test_waiting_names_each_participant_that_runs_wait_for_the_longest_outage_first():
    away(3)
    Breaker.objects.update(opened_at=AT)
    run_id = begin(errand, Errand("milk"), key="other")
    assert hold(run_id, 0, False, "bank")
    assert waiting_runs() == [WaitingRuns("shop", AT, 3), WaitingRuns("bank", None, 1)]
    assert Run.objects.filter(waits_for="").count() == 0


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            WaitingRuns("payments", timezone.now().replace(hour=0, minute=0), 312),
            "waiting for payments since 00:00, 312 runs",
        ),
        (WaitingRuns("payments", AT, 1), "waiting for payments since 2026-03-04 14:02, 1 run"),
        (WaitingRuns("payments", None, 12), "returning to payments, 12 runs"),
    ],
)
def test_waiting_is_said_in_words(found, words):
    assert str(found) == words


SINCE = "Waiting for shop since 2026-03-04 14:02, 7 runs."


@pytest.mark.parametrize(
    ("found", "runs", "words"),
    [
        ({"state": S.CLOSED}, 0, "Calls go through."),
        ({"state": S.CLOSED, "failures": 2}, 0, "Calls go through. 2 of 3 failures in a row."),
        ({"state": S.CLOSED}, 7, "Calls go through. Returning to shop, 7 runs, up to 20 a second."),
        (
            {"state": S.OPEN, "opened_at": AT, "open_until": AT + timedelta(seconds=5)},
            7,
            f"{SINCE} From 14:02:10 on, the next call goes as a trial.",
        ),
        (
            {"state": S.OPEN, "opened_at": AT},
            0,
            "Away since 2026-03-04 14:02, and no run waits for it. All calls are held until a person lets them go.",
        ),
        ({"state": S.OPEN, "opened_at": AT}, 7, f"{SINCE} All calls are held until a person lets them go."),
        (
            {"state": S.HALF_OPEN, "opened_at": AT, "open_until": AT},
            7,
            f"{SINCE} One call is under way as a trial; its answer decides for all.",
        ),
    ],
)
def test_each_state_is_said_in_words(found, runs, words):
    plain = {"failures": 0, "opened_at": None, "open_until": None}
    assert state_sentence(Breaker(name="shop", **{**plain, **found}), Participant(), runs) == words
