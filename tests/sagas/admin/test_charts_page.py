"""The page of charts: what it shows, for which range, and to whom."""

from __future__ import annotations

import pytest
from django.urls import reverse

from sagas.maintenance.tally import tally
from tests.support.sagas.admin_pages import LIST, log_in
from tests.support.sagas.ended import LOST, finished, undone

pytestmark = pytest.mark.django_db(transaction=True)
URL = "admin:sagas_run_charts"
TITLES = [
    "Runs that ended",
    "How long completed runs took",
    "Refusals by step",
    "Failures by step",
    "p95 of an attempt, the busiest steps",
    "Retries by participant",
    "Lag of the outbox",
]


@pytest.fixture
def lived(world):
    tally()
    finished("done")
    undone(world, "undone")
    world.faults["fetch"] = [LOST]
    finished("retried")
    tally()


def shown(client, key):
    answer = client.get(reverse(URL), {"range": key})
    assert answer.status_code == 200
    return {chart.title: chart for chart in answer.context["charts"]}


@pytest.mark.parametrize("key", ["1h", "24h", "30d"])
def test_each_range_has_each_chart_with_its_numbers(lived, operator, client, key):
    charts = shown(client, key)
    assert list(charts) == TITLES
    totals = {
        title: {line.name: sum(value or 0 for value in line.values) for line in charts[title].lines}
        for title in ("Runs that ended", "Refusals by step", "Failures by step", "Retries by participant")
    }
    assert totals == {
        "Runs that ended": {"completed": 2, "undone": 1, "resolved by hand": 0},
        "Refusals by step": {"errand: pay": 1},
        "Failures by step": {"errand: fetch": 1},
        "Retries by participant": {"shop": 1},
    }
    assert [line.name for line in charts["How long completed runs took"].lines] == ["p50", "p95", "p99"]
    assert [line.name for line in charts["Lag of the outbox"].lines][:1] == ["tasks"]


def test_the_numbers_stand_in_a_table_beneath_and_the_range_is_marked(lived, operator, client):
    page = client.get(reverse(URL), {"range": "24h"}).content.decode()
    assert page.count("<svg viewBox") >= 6
    assert '<a href="?range=24h" aria-current="page">24 hours</a>' in page
    assert page.count('role="region"') == page.count("<details>")


def test_without_a_tally_it_says_so(operator, client):
    page = client.get(reverse(URL)).content.decode()
    assert page.count("Nothing in this time.") == len(TITLES)


@pytest.mark.parametrize("range_", ["", "2h", "%00", "<b>"])
def test_a_range_that_there_is_not_is_an_hour(operator, client, range_):
    assert client.get(reverse(URL), {"range": range_}).context["chosen"].key == "1h"


def test_steps_beyond_the_most_share_a_line(lived, operator, client, monkeypatch):
    monkeypatch.setattr("sagas.presentation.drawing.chart_page.MOST", 1)
    chart = shown(client, "1h")["Failures by step"]
    assert [line.name for line in chart.lines] == ["errand: fetch"]


def test_who_may_not_see_runs_sees_no_charts(client):
    log_in(client, "view_bulkact")
    assert client.get(reverse(URL)).status_code == 403


def test_the_list_of_runs_links_to_it(operator, client):
    assert reverse(URL) in client.get(reverse(LIST)).content.decode()
