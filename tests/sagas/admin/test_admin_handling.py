"""Who looks after a run, and its file, in the admin."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from sagas.presentation.run_file import text_of
from tests.support.sagas.admin_pages import act, listed, log_in, open_run, page_of, said, stuck

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("production_static")]


def test_in_the_admin_a_run_is_assigned_filtered_and_snoozed(client, world, operator):
    run = stuck(world)
    open_run()
    said(act(client, "assign", run, assignee="olga"))
    assert "with olga" in client.get(reverse("admin:sagas_run_changelist")).content.decode()
    assert listed(client, handled="mine") == [run.subject]
    assert run.subject not in listed(client, handled="nobody")
    at = timezone.localtime() + timedelta(days=1)
    act(client, "snooze", run, until=f"{at:%Y-%m-%dT%H:%M}")
    assert listed(client, handled="snoozed") == [run.subject]
    page = page_of(client, run)
    assert "Looked after by" in page
    assert f"Snoozed until</dt><dd>{at:%Y-%m-%d}" in page.replace("\n", "")


def test_the_run_is_a_file_for_who_may_see_it(client, world):
    run = stuck(world)
    log_in(client)
    address = reverse("admin:sagas_run_file", args=[run.pk])
    assert client.get(address).status_code == 403
    client.logout()
    assert client.get(address).status_code == 302


def test_the_page_leads_to_the_file(client, world, operator):
    run = stuck(world)
    address = reverse("admin:sagas_run_file", args=[run.pk])
    assert f'href="{address}"' in page_of(client, run)
    answer = client.get(address)
    assert answer.content.decode() == text_of(run)
    assert answer["Content-Disposition"] == f'attachment; filename="{run.name}-{run.pk}.json"'


def test_the_page_draws_the_run_and_says_what_is_known(client, world, operator):
    page = page_of(client, stuck(world))
    assert 'aria-label="Attempts and waits, to scale"' in page
    assert "Attempt 1: refused" in page
    assert "Took effect</dt><dd>Fetch" in page


def test_what_is_snoozed_is_off_the_first_page_which_says_so(client, world, operator):
    run = stuck(world)
    assert "no_such_street" in client.get("/admin/").content.decode()
    at = timezone.localtime() + timedelta(days=1)
    act(client, "snooze", run, until=f"{at:%Y-%m-%dT%H:%M}")
    page = client.get("/admin/").content.decode()
    assert "no_such_street" not in page
    assert "1 more snoozed" in page
    act(client, "snooze", run, until="")
    assert "no_such_street" in client.get("/admin/").content.decode()


def test_the_part_of_the_page_that_moves_is_read_by_itself(client, world, operator):
    run = stuck(world)
    page = page_of(client, run)
    assert 'data-live="?live=1"' in page
    part = client.get(reverse("admin:sagas_run_change", args=[run.pk]), {"live": 1}).content.decode()
    assert "<html" not in part
    assert "Input and results" not in part
    assert "What is known" in part
