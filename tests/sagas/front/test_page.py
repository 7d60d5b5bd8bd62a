"""The first page of the admin: what needs a person, by cause; what waits; what moves; and its search box."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib import admin
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from outbox.ids import uuid7
from outbox.messages import codec
from outbox.models import Hold
from sagas import Awaits, Refused, Stake, desk
from sagas.front import sections
from sagas.front.sections import Section, add_section
from sagas.models import BulkAct, Run
from tests.support.sagas.admin_pages import EVERY_ACT, done, listed, log_in, open_run, stuck
from tests.support.sagas.driver import step_once
from tests.support.sagas.errand import errand

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("production_static")]


def page(client, name: str = "admin:index") -> str:
    answer = client.get(reverse(name))
    assert answer.status_code == 200
    return str(answer.content.decode())


def figures_of(text: str) -> dict[str, str]:
    """The figures by their words."""
    tiles = text.partition('<div class="figures">')[2].partition("</div>")[0].split("<strong>")[1:]
    return {tile.split("</span>")[-2].rpartition(">")[2]: tile.partition("<")[0] for tile in tiles}


# --- What needs a person -------------------------------------------------------------------------------------------


def test_an_outage_is_one_row_with_what_is_at_stake_what_to_do_and_the_acts_that_fit(
    operator, client, world, monkeypatch
):
    monkeypatch.setattr(errand, "stake", lambda _: Stake(Decimal("12.50"), "EUR"))
    monkeypatch.setattr(errand, "advised", {"no_such_street": "Call the customer."})
    for number in range(3):
        stuck(world, key=f"order:{number}", subject=f"S-{number}")
    Run.objects.filter(key="order:1").update(desk_since=timezone.now() - timedelta(hours=3))
    text = page(client)
    assert text.count('<li class="bad">') == 1
    row = text.partition('<li class="bad">')[2].partition("</li>")[0]
    assert '<strong class="count">3</strong>' in row
    assert "errand: Deliver</a>" in row
    assert "no_such_street" in row
    assert "(3 h" in row
    assert "at stake: 37.50 EUR" in row
    assert "Call the customer." in row
    assert "Retry now …" in row
    assert "Resolve by hand …" in row
    assert "Compensate" not in row, "it is past its point of no return"
    assert "37.50 EUR at stake" in text


def test_its_link_lists_these_runs_and_its_acts_are_about_them_alone(operator, client, world):
    for number in range(2):
        stuck(world, key=f"order:{number}", subject=f"S-{number}")
    other = stuck(world, key="order:9", subject="S-9")
    Run.objects.filter(pk=other.pk).update(desk_code="other")
    open_run()
    (cause,) = (one for one in page_causes(client) if one.why == "no_such_street")
    assert sorted(listed(client, **query_of(cause.url))) == ["S-0", "S-1"]
    preview = client.get(next(act.url for act in cause.acts if act.words.startswith("Retry")))
    assert preview.context["count"] == 2
    sent = {"filter": codec.encode(preview.context["filter"]), "reason": "They are back.", "rate": "1000"}
    client.post(reverse("admin:sagas_bulk", args=["retry"]), sent)
    assert BulkAct.objects.get().total == 2


def page_causes(client):
    return client.get(reverse("admin:index")).context["desk"].causes


def query_of(url: str) -> dict[str, str]:
    return RequestFactory().get(url).GET.dict()


def test_an_act_on_single_runs_has_no_preview_of_many(operator, client):
    assert client.get(reverse("admin:sagas_bulk", args=["skip"])).status_code == 404


def test_nobody_is_offered_an_act_that_they_may_not_do(client, world):
    log_in(client, "view_run", "retry_run")
    stuck(world)
    (cause,) = page_causes(client)
    assert [act.words for act in cause.acts] == ["Retry now …"]


def test_who_may_see_nothing_is_shown_nothing(client, world):
    log_in(client)
    stuck(world)
    text = page(client)
    assert "Needs a person" not in text
    assert "completion rate" not in text
    assert "Find by number" in text


# --- What waits, and what moves ------------------------------------------------------------------------------------


def test_what_waits_is_said_with_its_reason(operator, client, world):
    world.faults["fetch"] = [Awaits(timedelta(minutes=3), "the customer is to answer")]
    step_once(open_run().pk)
    paused = open_run(key="order:7")
    desk.pause(paused.pk, actor=operator, reason="x")
    text = page(client)
    assert "errand, Fetch</a> 1 run waits for somebody else to act: the customer is to answer" in text
    assert "errand, Fetch</a> 1 run paused: somebody must resume it" in text


def test_keys_of_the_outbox_that_are_held_wait_as_well(client):
    log_in(client, "view_run", "view_hold")
    given = {"destination": "tasks", "shard": 1, "position": 1, "message_id": uuid7(), "type": "x", "attempts": 2}
    Hold.objects.create(key="order:1", until=timezone.now() + timedelta(minutes=1), **given)
    Hold.objects.create(key="order:2", until=None, **given)
    assert "tasks</a> 1 key held: a message failed, and is tried again" in page(client)


def test_the_completion_rate_tells_what_was_refused_from_what_failed(operator, client, world):
    assert figures_of(page(client))["completion rate"] == "—"
    stuck(world)
    open_run()
    for number in range(3, 6):
        done(key=f"order:{number}")
    old = done(key="order:old")
    Run.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=2))
    world.faults["fetch"] = [Refused("sold_out")]
    done(key="order:6")
    world.faults["wrap"] = [TimeoutError("no answer")] * 3
    done(key="order:7")
    cancelled = open_run(key="order:8")
    errand.cancel(cancelled.key, reason="Changed my mind.", actor="customer")
    found = figures_of(page(client))
    assert found["in progress"] == "1"
    assert found["completed"] == "3"
    assert found["refused by the business"] == "1"
    assert found["failed and undone"] == "1"
    assert found["completion rate"] == "75 %"
    assert "1 more cancelled" in page(client)
    assert "oldest unpublished message" not in found, "no permission to see the outbox"


def test_the_front_page_links_to_the_outbox_for_those_who_may_see_it(client):
    log_in(client, "view_run", "view_outboxmessage")
    open_run()
    text = page(client)
    assert f'href="{reverse("admin:outbox_outboxmessage_changelist")}"' in text
    assert "waits for the relay" in text


# --- The page ------------------------------------------------------------------------------------------------------


def test_the_part_that_moves_is_read_by_itself(operator, client, world):
    stuck(world)
    text = page(client, "admin:sagas_front")
    assert "Needs a person" in text
    assert "no_such_street" in text
    assert "<html" not in text
    assert f'data-live="{reverse("admin:sagas_front")}"' in page(client)


def test_our_lists_stand_on_the_page_and_djangos_tables_behind_one_link(client):
    log_in(client, "view_run", "view_user")
    own, _, tables = page(client).partition("<summary>All tables</summary>")
    own = own.partition('id="desk-lists"')[2]
    assert reverse("admin:sagas_run_changelist") in own
    assert reverse("admin:auth_user_changelist") not in own
    assert reverse("admin:auth_user_changelist") in tables


def test_an_app_gives_the_page_a_section_for_those_with_its_permission(client, monkeypatch):
    monkeypatch.setattr(sections, "_sections", {})
    late = Section("late", "sagas/badge.html", 20, context=lambda _: {"badge": {"text": "the late one"}})
    add_section(late)
    add_section(Section("early", "sagas/badge.html", 10, context=lambda _: {"badge": {"text": "the early one"}}))
    add_section(Section("secret", "sagas/badge.html", 1, "sagas.view_act", lambda _: {"badge": {"text": "secret"}}))
    add_section(Section("nothing", "sagas/badge.html", 2, context=lambda _: None))
    log_in(client, "view_run")
    text = page(client)
    assert text.index("the early one") < text.index("the late one")
    assert "secret" not in text
    alone = page(client, "admin:sagas_front_parts")
    assert alone.index("the early one") < alone.index("the late one")
    assert "secret" not in alone
    assert "<html" not in alone
    assert f'data-live="{reverse("admin:sagas_front_parts")}"' in text


def test_a_site_with_a_page_of_its_own_keeps_it():
    assert admin.site.index_template == "sagas/front.html"
    assert admin.AdminSite(name="other").index_template is None


# --- The search box ------------------------------------------------------------------------------------------------


def find(client, text: str):
    return client.get(reverse("admin:sagas_find"), {"q": text})


@pytest.mark.parametrize("text", ["S-100001", "ann@example.com", "order:1", "ID", "a-request"])
def test_one_hit_leads_to_its_page(operator, client, world, text):
    run = stuck(world)
    open_run()
    Run.objects.filter(pk=run.pk).update(request_id="a-request")
    answer = find(client, str(run.pk) if text == "ID" else text)
    assert answer.headers["Location"] == reverse("admin:sagas_run_change", args=[run.pk])


def test_the_id_of_a_task_leads_to_the_run_that_it_carried(operator, client, world):
    run = done()
    task = "0c2ad7ab-7a05-4d7b-8d57-6f8f1a3f7f10"
    run.attempts.filter(step="pay").update(task_id=task)
    assert find(client, task).headers["Location"] == reverse("admin:sagas_run_change", args=[run.pk])


def test_several_hits_are_listed_by_kind_and_none_is_said(operator, client, world):
    stuck(world)
    open_run()
    text = find(client, "example.com").content.decode()
    assert "<h2>Runs</h2>" in text
    assert "errand S-100001 ann@example.com" in text
    assert "errand S-100002 bob@example.com" in text
    assert "Nothing was found." in find(client, "nobody@nowhere.example").content.decode()
    assert find(client, " ").headers["Location"] == reverse("admin:index")


def test_the_search_shows_nobody_what_they_may_not_see(client, world):
    log_in(client, *EVERY_ACT - {"view_run"})
    stuck(world)
    assert "Nothing was found." in find(client, "S-100001").content.decode()


def test_the_search_is_for_staff(client, world):
    assert find(client, "S-100001").status_code == 302
    assert "/login/" in find(client, "S-100001").headers["Location"]
