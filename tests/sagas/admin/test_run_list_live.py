"""The part of the run list that a page reads again."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.support.sagas.admin_pages import LIST, done, log_in, open_run, stuck

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("production_static")]


def test_it_has_the_rows_of_the_same_list_and_not_the_page(operator, client, world):
    run, other = stuck(world), open_run()
    page = client.get(reverse(LIST), {"state": "stuck"}).content.decode()
    assert 'data-live="?state=stuck&amp;live=1"' in page
    part = client.get(reverse(LIST), {"state": "stuck", "live": "1"}).content.decode()
    assert run.subject in part
    assert other.subject not in part
    assert "<html" not in part
    assert "changelist-filter" not in part
    assert 'live=1"' not in part, "what it links to are pages"


def test_it_costs_no_more_than_the_list_whatever_the_number_of_rows(operator, client, world):
    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert client.get(reverse(LIST), {"state": "all", "live": "1"}).status_code == 200
        return len(asked)

    stuck(world)
    few = statements()
    for number in range(10, 15):
        done(key=f"order:{number}")
    assert statements() == few <= 12


def test_it_needs_the_permission_to_see_runs(client):
    log_in(client)
    assert client.get(reverse(LIST), {"live": "1"}).status_code == 403


def test_what_is_posted_is_an_act_whatever_its_address_says(operator, client, world):
    run = stuck(world)
    given = {"action": "retry", "_selected_action": [str(run.pk)], "select_across": "0"}
    answer = client.post(f"{reverse(LIST)}?live=1", given)
    assert "Retry now?" in answer.content.decode()
