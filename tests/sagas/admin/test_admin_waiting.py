"""What operators see while a participant is away: lines on top of the list, and the truth on each run's page."""

from __future__ import annotations

import io

import pytest
from django.contrib.admin.utils import quote
from django.core.management import call_command
from django.urls import reverse

from sagas.desk.selection import matching, parse_filter
from sagas.models import Breaker, Run, RunStatus, Step
from sagas.participants import breaker
from sagas.participants.waiting import hold, release
from tests.support.sagas.admin_pages import EVERY_ACT, LIST, act, listed, log_in, open_run, page_of, said, stuck
from tests.support.sagas.driver import begin, step_once
from tests.support.sagas.errand import Errand, errand

from .test_participants_admin import away

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("production_static")]


@pytest.fixture
def operator(client):
    return log_in(client, "view_run", "view_breaker", *EVERY_ACT)


def listing(client, **query) -> str:
    answer = client.get(reverse(LIST), query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def waiting_run() -> Run:
    return Run.objects.filter(waits_for="shop").order_by("id")[0]


def test_the_list_says_on_top_who_is_away_and_links_to_it(operator, client):
    since = f"{away(3).opened_at:%H:%M}"
    text = listing(client)
    page = reverse("admin:sagas_breaker_change", args=["shop"])
    assert f'<a href="{page}">Waiting for shop since {since}, 3 runs</a>' in text
    assert text.index("Waiting for shop") < text.index('id="changelist"')
    assert text.count("Waiting for") == 1


def test_each_participant_that_is_away_has_a_line(operator, client):
    away(2)
    assert hold(begin(errand, Errand("milk"), key="other"), 0, False, "the/bank")
    text = listing(client)
    assert "Waiting for shop" in text
    assert "Returning to the/bank, 1 run</a>" in text
    assert reverse("admin:sagas_breaker_change", args=[quote("the/bank")]) in text


def test_while_nobody_is_waited_for_the_list_says_nothing_of_it(operator, client):
    assert Breaker.objects.count() == 0
    open_run()
    assert 'class="waiting' not in listing(client)
    away(0)
    assert 'class="waiting' not in listing(client)


def test_without_the_permission_to_see_participants_the_line_has_no_link(client):
    log_in(client, "view_run")
    away(1)
    text = listing(client)
    assert "Waiting for shop" in text
    assert reverse("admin:sagas_breaker_change", args=["shop"]) not in text
    assert reverse("admin:sagas_breaker_change", args=["shop"]) not in page_of(client, waiting_run())


def test_the_front_page_says_it_too(operator, client):
    away(2)
    assert "Waiting for shop" in client.get(reverse("admin:index")).content.decode()


def test_the_runs_that_wait_are_listed_and_marked(operator, client):
    away(2)
    open_run()
    assert len(listed(client, waits="shop")) == 2
    assert listed(client, waits="payments") == []
    text = listing(client, waits="shop")
    assert text.count("waiting</span>") == 2
    assert text.count('<td class="field-next_look">when it answers</td>') == 2
    assert text.count("Fetch, waits for shop, 0 attempts<small") == 2
    assert text.count(">no attempt is spent</small>") == 2


def test_all_that_the_list_shows_of_those_that_wait_is_what_a_bulk_act_takes(operator, client):
    away(2)
    open_run()
    everything = {"action": "compensate", "_selected_action": [waiting_run().pk], "select_across": "1"}
    answer = client.post(f"{reverse(LIST)}?waits=shop", everything)
    assert answer.context["count"] == 2
    assert "waits_for=shop" in answer.content.decode()
    assert matching(parse_filter("waits_for=shop")).count() == 2


def test_the_page_of_a_run_that_waits_says_for_whom_since_when_and_what_it_costs(operator, client):
    since = f"{away(1).opened_at:%H:%M}"
    text = page_of(client, waiting_run())
    said = f"Waits for shop, away since {since}. No attempt is spent; it goes on by itself when shop answers."
    assert said in text
    assert f'<a href="{reverse("admin:sagas_breaker_change", args=["shop"])}">See&nbsp;shop</a>' in text
    assert "<dd>when shop answers</dd>" in text
    assert "No attempt is spent while it waits." in text
    assert "the next attempt was due" not in text
    assert "not started" in text  # the steps after it
    assert text.count("waiting</span>") == 2  # the run and its step


def test_a_run_whose_participant_is_held_by_hand_says_who_must_act(operator, client):
    away(1)
    breaker.open_by_hand("shop", "olga: moving house")
    text = page_of(client, waiting_run())
    assert "Waits for shop: all calls to it are held by hand, since" in text
    assert "somebody must let the calls go" in text
    assert "Nobody must act" not in text


def test_a_run_on_its_way_back_says_so(operator, client):
    away(1)
    breaker.close("shop", "olga: they are back")
    assert "Waits for shop, which answers again: it goes on when its turn comes." in page_of(client, waiting_run())
    release()
    run = Run.objects.get()
    assert (run.waits_for, "Waits for shop" in page_of(client, run)) == ("", False)


def test_a_paused_run_that_waits_says_only_that_it_is_paused(operator, client):
    away(1)
    run = waiting_run()
    act(client, "pause", run)
    text = page_of(client, run)
    assert "Somebody must resume it." in text
    assert "Waits for shop" not in text
    assert "paused while running</span>" in listing(client)


def test_each_form_says_that_the_run_waits(operator, client, world):
    away(1)
    for verb in ("retry", "skip", "compensate"):
        answer = client.get(reverse("admin:sagas_desk", args=[verb]), {"run": waiting_run().pk})
        assert "Waits for shop, away since" in answer.content.decode()
    breaker.close("shop", "olga: they are back")
    answer = client.get(reverse("admin:sagas_desk", args=["retry"]), {"run": stuck(world).pk})
    assert "Waits for" not in answer.content.decode()


@pytest.mark.parametrize("verb", ["retry", "resume"])
def test_the_report_of_an_act_promises_no_attempt_while_the_participant_is_away(operator, client, verb):
    away(1)
    run = waiting_run()
    if verb == "resume":
        act(client, "pause", run)
        run.refresh_from_db()
    assert "shop is away: the run waits for it with fetch" in said(act(client, verb, run))
    breaker.close("shop", "olga: they are back")
    run.refresh_from_db()
    assert "A worker tries fetch again" in said(act(client, "retry", run))


def test_an_undo_that_waits_says_that_it_is_an_undo(operator, client):
    away(1)
    Run.objects.update(status=RunStatus.UNDOING)
    Step.objects.filter(position=0).update(status="undo_due", attempts=1)
    assert "undoing, waiting</span>" in page_of(client, waiting_run())


def test_a_run_that_no_worker_has_taken_says_so_until_one_has(operator, client):
    run = open_run()
    assert '<td class="field-next_look">a free worker</td>' in listing(client)
    assert "<dt>Waits for a free worker</dt>" in page_of(client, run)
    assert "waits for a free worker since" in on_the_command_line(run)
    step_once(run.pk)
    assert "a free worker" not in listing(client) + page_of(client, run) + on_the_command_line(run)


def on_the_command_line(run: Run) -> str:
    out = io.StringIO()
    call_command("saga", "show", str(run.pk), stdout=out)
    return out.getvalue()
