"""What operators do with a schedule, in the admin and at the command line: each act with its reason and its record."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from sagas.desk.acts import DoesNotFit, Person, ReasonMissing
from sagas.models import Run, ScheduleAct, ScheduleTick
from sagas.models import Schedule as Row
from sagas.schedules import acts
from sagas.schedules.backfill import MOST, backfill, preview
from sagas.schedules.look import look
from tests.support.sagas.nightly import at, declared, end_all, history, keys, looks

pytestmark = pytest.mark.django_db(transaction=True)
ANN = Person("ann")


@pytest.fixture
def nightly():
    """Seen a week ago, all settled up to now."""
    with declared(cron="0 3 * * *") as schedule:
        look()
        yield schedule


def said(*words: str) -> str:
    out = io.StringIO()
    call_command("saga", "schedules", *words, stdout=out)
    return out.getvalue()


def a_week_ago() -> None:
    now = timezone.now()
    Row.objects.update(settled_until=now - timedelta(days=7), next_at=now - timedelta(days=6))


def test_in_a_pause_ticks_are_skipped_with_who_paused_and_nothing_is_caught_up(nightly):
    acts.pause("nightly", actor=ANN, reason="The books move.")
    a_week_ago()
    look()
    assert {outcome for _, outcome in history()} == {"skipped"}
    assert ScheduleTick.objects.first().reason == "Paused by ann: The books move."  # type: ignore[union-attr]
    count = len(history())
    a_week_ago()
    ScheduleTick.objects.all().delete()
    acts.resume("nightly", actor=ANN, reason="They have moved.")
    assert len(history()) == count, "those that nobody saw in the pause are skipped, too"
    assert look() == 0
    assert [act.verb for act in ScheduleAct.objects.all()] == ["pause", "resume"]
    with pytest.raises(DoesNotFit, match="is not paused"):
        acts.resume("nightly", actor=ANN, reason="again")
    with pytest.raises(ReasonMissing):
        acts.pause("nightly", actor=ANN, reason=" ")
    with pytest.raises(DoesNotFit, match=r"No schedule named other is declared here. There are: nightly"):
        acts.pause("other", actor=ANN, reason="x")


def test_run_now_starts_one_that_is_no_tick_and_one_at_a_time(nightly):
    run = acts.run_now("nightly", actor=ANN, reason="At once, please.")
    assert Run.objects.get().pk == run
    with pytest.raises(DoesNotFit, match="has not ended, and nightly runs one at a time"):
        acts.run_now("nightly", actor=ANN, reason="And again.")
    assert ScheduleTick.objects.get().kind == "by_hand"


def test_run_now_waits_where_runs_wait():
    with declared(overlap="queue"):
        assert acts.run_now("nightly", actor=ANN, reason="first") is not None
        assert acts.run_now("nightly", actor=ANN, reason="second") is None
        end_all()
        assert look() == 1
        assert acts.run_now("nightly", actor=ANN, reason="third") is None
        assert acts.withdraw("nightly", actor=ANN, reason="no more") == 1
    assert [outcome for _, outcome in history()] == ["started", "started", "withdrawn"]


def test_an_input_that_fails_is_told_and_leaves_nothing(nightly):
    nightly.input = lambda tick: 1 / 0
    with pytest.raises(DoesNotFit, match=r"could not be started\. ZeroDivisionError"):
        acts.run_now("nightly", actor=ANN, reason="x")
    assert not ScheduleAct.objects.exists()
    assert history() == []


def test_filling_in_is_previewed_bounded_and_runs_what_had_no_run_in_order():
    with declared(cron="0 3 * * *", missed="once"):
        looks(look, "05-01 12:00", "05-05 12:00")
        assert [outcome for _, outcome in history()] == ["missed", "missed", "missed", "started"]
        end_all()
        since, until = at("04-29 00:00"), at("05-06 00:00")
        found = preview("nightly", since, until)
        assert (len(found.to_run), found.had, found.forgotten) == (6, 1, True)
        with pytest.raises(DoesNotFit, match="There are 6 ticks to fill in now, and not 5"):
            backfill("nightly", since, until, actor=ANN, reason="x", expected=5)
        Row.objects.update(settled_until=timezone.now())
        assert backfill("nightly", since, until, actor=ANN, reason="The books of these days.", expected=6) == 6
        for _ in range(6):
            assert look() == 1
            assert look() == 0, "one after another"
            end_all()
        assert look() == 0
        with pytest.raises(DoesNotFit, match="no tick in that span whose run is missing"):
            backfill("nightly", since, until, actor=ANN, reason="again")
    assert len(keys()) == len(set(keys())) == 7
    assert ScheduleAct.objects.get().words.startswith("6 ticks from 2026-04-29 00:00 UTC to ")


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        ("05-02 00:00", "05-02 00:00", "The span is empty"),
        ("05-02 00:00", "12-31 00:00", "reaches into the future"),
        ("01-01 00:00", "05-02 00:00", f"more than {MOST} ticks"),
    ],
)
def test_a_span_that_does_not_fit_is_refused(since, until, words):
    with declared(cron="0 * * * *"), pytest.raises(DoesNotFit, match=words):
        preview("nightly", at(since), at(until))


def test_the_tick_of_now_goes_before_what_is_filled_in_and_is_not_left_out_for_it():
    with declared(overlap="skip"):
        looks(look, "05-01 12:00")
        acts_since = at("04-20 00:00")
        backfill("nightly", acts_since, at("04-25 00:00"), actor=ANN, reason="x")
        looks(look, "12-31 03:00")
        started = ScheduleTick.objects.filter(outcome="started").get()
        assert started.kind == "tick"


def test_the_command_line_lists_shows_and_acts(nightly):
    assert "At 03:00 every day, UTC" in said()
    assert "run-now" not in said("nightly")
    assert "done and recorded" in said("nightly", "pause", "--reason", "wait")
    assert "nightly: paused" in said("nightly")
    assert "pause: wait" in said("nightly")
    day = f"{timezone.now() - timedelta(days=3):%Y-%m-%d}"
    told = said("nightly", "backfill", "--from", day, "--to", f"{timezone.now():%Y-%m-%d}", "--dry-run")
    assert "3 ticks have no run yet, 0 had theirs." in told
    assert history() == []
    for words in (["nightly", "resume"], ["other"], ["nightly", "backfill", "--from", "soon"]):
        with pytest.raises(CommandError):
            said(*words)
    User.objects.create_user("eve")
    with pytest.raises(CommandError, match=r"the permission sagas.pause_schedule is missing"):
        said("nightly", "resume", "--reason", "x", "--as", "eve")


def logged_in(*permissions: str) -> Client:
    user = User.objects.create_user("olga", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


LIST, PAGE = "/admin/sagas/schedule/", "/admin/sagas/schedule/nightly/"


def test_the_admin_shows_next_ticks_and_history_and_acts(nightly, admin_client):
    listed = admin_client.get(LIST).content.decode()
    assert "At 03:00 every day, UTC" in listed
    assert 'class="yours"' in listed
    assert admin_client.post(f"{PAGE}act/run_now/", {"reason": "now"}).status_code == 302
    page = admin_client.get(PAGE).content.decode()
    assert f"/admin/sagas/run/{Run.objects.get().pk}/change/" in page
    assert "by hand" in page
    assert admin_client.post(f"{PAGE}act/pause/", {"reason": "wait"}).status_code == 302
    assert "Paused by admin: wait" in admin_client.get(PAGE).content.decode()
    assert "Say why" in admin_client.post(f"{PAGE}act/resume/", {"reason": ""}).content.decode()
    assert admin_client.get("/admin/sagas/schedule/none/").status_code == 404
    assert admin_client.post(f"{PAGE}act/forget/", {"reason": "x"}).status_code == 404


def test_the_admin_fills_in_what_was_previewed(nightly, admin_client):
    now = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    span = {"since": f"{now - timedelta(days=3):%Y-%m-%dT%H:%M}", "until": f"{now:%Y-%m-%dT%H:%M}", "reason": "books"}
    shown = admin_client.post(f"{PAGE}act/backfill/", span)
    assert shown.status_code == 200
    assert "3 ticks would be run" in shown.content.decode()
    assert history() == []
    assert admin_client.post(f"{PAGE}act/backfill/", {**span, "expected": "3"}).status_code == 302
    assert [outcome for _, outcome in history()] == ["waiting"] * 3


def test_each_act_needs_its_permission(nightly):
    watcher = logged_in("view_schedule", "pause_schedule")
    page = watcher.get(PAGE).content.decode()
    assert "Pause" in page
    assert "Run now" not in page
    assert watcher.post(f"{PAGE}act/run_now/", {"reason": "x"}).status_code == 403
    assert watcher.post(f"{PAGE}act/backfill/", {"reason": "x"}).status_code == 403
    assert watcher.post(f"{PAGE}act/pause/", {"reason": "x"}).status_code == 302


def test_one_that_is_no_longer_declared_says_so_and_offers_nothing(nightly, admin_client):
    with declared(name="another"):
        assert "no longer declared" in admin_client.get(LIST).content.decode()
        page = admin_client.get(PAGE).content.decode()
        assert "What you can do" not in page
        assert "no longer declared" in said()
