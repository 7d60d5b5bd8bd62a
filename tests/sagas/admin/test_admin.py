"""What operators see in the admin: the list of runs, and the page of a run."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.urls import reverse
from django.utils import timezone

from sagas import Refused, RetryAfter
from sagas.desk import lookup, selection
from sagas.models import Attempt, Run, RunStatus, Step, StepStatus
from sagas.presentation.labels import OUTCOME_BADGES, RUN_BADGES, RUN_MEANINGS, STEP_BADGES
from tests.support.sagas.admin_pages import LIST, LOST, act, done, listed, log_in, open_run, page_of, said, stuck
from tests.support.sagas.driver import step_once
from tests.support.sagas.errand import errand

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("production_static")]


# --- The list ------------------------------------------------------------------------------------------------------


def test_stuck_runs_come_first_and_finished_ones_are_asked_for(operator, client, world):
    stuck(world)
    open_run()
    done()
    assert listed(client) == ["S-100001 ann@example.com", "S-100002 bob@example.com"]
    assert listed(client, state="finished") == ["S-100003 cyd@example.com"]
    assert listed(client, state="stuck") == ["S-100001 ann@example.com"]
    assert len(listed(client, state="all")) == 3


@pytest.mark.parametrize(
    "term", ["S-100003", "100003", "0003", "cyd@example.com", "s-100003 CYD", "order:3", "ID", "request"]
)
def test_search_finds_a_run_in_any_state_by_subject_key_request_and_id(operator, client, world, term):
    stuck(world)
    run = done()
    Run.objects.filter(pk=run.pk).update(request_id="request")
    assert listed(client, q=str(run.pk) if term == "ID" else term) == ["S-100003 cyd@example.com"]


def test_search_by_the_id_in_a_key_finds_the_run(operator, client, world):
    done(key=f"order:{UUID(int=7)}")
    assert listed(client, q=str(UUID(int=7))) == ["S-100003 cyd@example.com"]


def test_runs_are_filtered_by_step_saga_and_age(operator, client, world):
    run = stuck(world)
    open_run()
    assert listed(client, step="errand.deliver") == [run.subject]
    assert listed(client, step="errand.fetch") == ["S-100002 bob@example.com"]
    assert listed(client, saga="checkout") == []
    Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(hours=3))
    assert listed(client, age="day") == [run.subject]
    assert listed(client, age="hour") == ["S-100002 bob@example.com"]


@pytest.mark.parametrize("knows_parts", [True, False])
def test_an_open_run_is_found_by_its_email_also_where_the_index_knows_beginnings_alone(
    operator, client, world, monkeypatch, knows_parts
):
    monkeypatch.setattr(selection, "can_match_inside", lambda *_: knows_parts)
    stuck(world)
    open_run()
    assert listed(client, q="ann@example.com") == ["S-100001 ann@example.com"]
    assert listed(client, q="bob@example.com 100002") == ["S-100002 bob@example.com"]


def test_those_that_need_a_person_are_listed_by_how_long_they_have_asked(operator, client, world):
    for number, hours in ((1, 1), (2, 3), (3, 2)):
        run = stuck(world, key=f"order:{number}", subject=f"S-{number}")
        Run.objects.filter(pk=run.pk).update(desk_since=timezone.now() - timedelta(hours=hours))
    open_run(key="order:9")
    assert listed(client, state="stuck") == ["S-2", "S-3", "S-1"]
    assert listed(client) == ["S-2", "S-3", "S-1", "S-100002 bob@example.com"]


def test_a_code_filters_those_that_need_a_person_unless_an_open_state_is_chosen(operator, client, world):
    run = stuck(world)
    other = stuck(world, key="order:4", subject="S-4")
    Run.objects.filter(pk=other.pk).update(desk_code="")
    waiting = open_run()
    Step.objects.filter(run=waiting, name="fetch").update(error_code="no_such_street")
    assert listed(client, code="no_such_street") == [run.subject]
    assert listed(client, code="no_such_street", state="all") == [run.subject]
    assert listed(client, code="-") == ["S-4"]
    assert listed(client, code="other") == []
    assert listed(client, code="no_such_street", state="open") == [run.subject, waiting.subject]
    assert "Runs: stuck" in client.get(reverse(LIST), {"code": "-"}).content.decode()


def test_the_list_says_the_state_in_words_where_the_run_stands_and_what_comes_next(operator, client, world):
    stuck(world)
    text = client.get(reverse(LIST)).content.decode()
    assert "stuck</span>" in text
    assert "Deliver, refused, 1 attempt" in text
    assert "The street is unknown." in text
    assert '<td class="field-next_look">yours</td>' in text


def test_the_number_of_queries_does_not_grow_with_the_list(operator, client, django_assert_max_num_queries):
    for number in range(12):
        open_run(key=f"order:{number}")
    with django_assert_max_num_queries(12):
        client.get(reverse(LIST))


# --- The page of a run ---------------------------------------------------------------------------------------------


def test_the_timeline_shows_each_attempt_with_its_error_its_wait_and_its_task(operator, client, world, settings):
    settings.FLOWER_URL = "http://flower.example"
    world.faults["fetch"] = [LOST]
    text = page_of(client, done())
    assert "Fetch, attempt 1" in text
    assert "<code>TimeoutError</code> no answer within 2 s" in text
    assert "Waited for the next attempt" in text
    assert "Fetch, attempt 2" in text
    assert 'href="http://flower.example/task/task"' in text
    assert "Flower keeps tasks in memory" in text


def test_a_task_as_flower_names_it_leads_to_its_run(operator, client, world, monkeypatch):
    run = done()
    Attempt.objects.filter(run=run).update(task_id="0199-ab")
    address = reverse("admin:sagas_by_task", args=["0199-ab"])
    assert client.get(address).url == reverse("admin:sagas_run_change", args=[run.pk])
    monkeypatch.setattr(lookup, "NEWEST_ATTEMPTS", 0)
    answer = client.get(address)
    assert (answer.url, "No run of task 0199-ab" in said(answer)) == (reverse(LIST), True)


def test_the_page_links_to_the_runs_trace_where_a_page_of_traces_is_known(operator, client, settings):
    run = done()
    trace_id = run.traceparent[3:35]
    assert f"<dd><code>{trace_id}</code></dd>" in page_of(client, run)
    settings.TRACE_URL = "https://jaeger.example/trace/{trace_id}?all=1"
    assert f'<a href="https://jaeger.example/trace/{trace_id}?all=1"><code>{trace_id}</code></a>' in page_of(
        client, run
    )


def test_the_timeline_shows_an_operators_act_with_its_reason_and_what_it_changed(operator, client, world):
    run = stuck(world)
    act(client, "retry", run, reason="The street exists now.")
    text = page_of(client, run)
    assert "Stuck: waited for a person" in text
    assert "Retry by olga" in text
    assert "The street exists now." in text
    assert "Status: stuck → running" in text


def test_the_timeline_is_in_the_order_of_time(operator, client, world):
    world.faults["pay"] = [Refused("card_declined", "No.")]
    run = done()
    text = page_of(client, run)
    told = [
        "Accepted",
        "Fetch, attempt 1",
        "Pay, attempt 1",
        "Turned around",
        "Undo of wrap",
        "Undo of fetch",
        "Undone",
    ]
    places = [text.index(f"<strong>{words}") for words in told]
    assert places == sorted(places)


def test_the_timeline_shows_when_the_next_attempt_is_due_and_why(operator, client, world):
    world.faults["fetch"] = [RetryAfter(timedelta(minutes=3), "The shop is closed.")]
    run = open_run()
    step_once(run.pk)
    text = page_of(client, run)
    assert "Fetch: the next attempt is due" in text
    assert "The shop is closed." in text
    assert "surely not applied" in text


def test_a_lost_worker_and_a_cancel_stand_in_the_timeline(operator, client, world):
    run = open_run()
    start = timezone.now() - timedelta(minutes=1)
    lost = {"run": run, "step": "fetch", "direction": "forward", "token": UUID(int=1), "started_at": start}
    Attempt.objects.create(**lost, number=1, ended_at=start + timedelta(seconds=7), outcome="lost", worker="w1@host")
    Attempt.objects.create(**{**lost, "started_at": start + timedelta(seconds=9)}, number=2, worker="w2@host")
    errand.cancel(run.key, reason="Changed my mind.", actor="customer")
    text = page_of(client, run)
    assert "worker lost" in text
    assert "another one took over" in text
    assert "w2@host" in text
    assert "Cancel by customer" in text
    assert "Changed my mind." in text


def test_the_page_says_what_the_state_means_marks_the_pivot_and_links_to_the_messages(operator, client, world):
    run = stuck(world)
    text = page_of(client, run)
    assert RUN_MEANINGS[RunStatus.STUCK] in text
    assert text.count("point of no return</small>") == 1
    assert f"{reverse('admin:outbox_outboxmessage_changelist')}?q=order%3A1" in text
    assert run.traceparent[3:35] in text
    assert run.request_id in text
    assert "&quot;what&quot;: &quot;milk&quot;" in text


def test_a_run_whose_saga_is_no_longer_declared_can_still_be_read(operator, client, world):
    run = stuck(world)
    Run.objects.filter(pk=run.pk).update(version=99)
    assert "Deliver, attempt 1" in page_of(client, run)


def test_a_long_timeline_shows_the_latest_attempts(operator, client, world):
    run = open_run()
    now = timezone.now()
    attempt = {
        "run": run,
        "step": "fetch",
        "direction": "forward",
        "started_at": now,
        "ended_at": now,
        "outcome": "away",
    }
    Attempt.objects.bulk_create(Attempt(**attempt, number=n, token=UUID(int=n)) for n in range(1, 402))
    text = page_of(client, run)
    assert "Earlier attempts are left out" in text
    assert "Fetch, attempt 401<" in text
    assert "Fetch, attempt 101<" not in text


def test_an_unknown_run_leads_back_with_a_message(operator, client):
    answer = client.get(reverse("admin:sagas_run_change", args=[UUID(int=5)]))
    assert answer.status_code == 302
    assert "exist" in said(answer)


def test_without_the_view_permission_nothing_is_shown(client, world):
    log_in(client, "retry_run")
    run = stuck(world)
    assert client.get(reverse(LIST)).status_code == 403
    assert client.get(reverse("admin:sagas_run_change", args=[run.pk])).status_code == 403
    assert client.get(reverse("admin:sagas_desk", args=["retry"]), {"run": run.pk}).status_code == 403


def test_every_status_has_its_words():
    assert set(RUN_BADGES) == set(RUN_MEANINGS) == set(RunStatus)
    assert set(STEP_BADGES) == set(StepStatus)
    assert set(OUTCOME_BADGES) == set(Attempt.Outcome)
    assert Step._meta.get_field("status").choices == StepStatus.choices
