"""The list of open runs: those that need an operator first, over several pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from sagas.models import Run
from tests.support.buffers import reading

pytestmark = pytest.mark.django_db
LIST = reverse("admin:sagas_run_changelist")


def add(name: str, **values: object) -> Run:
    now = timezone.now()
    given = {"name": "errand", "version": 1, "key": name, "subject": name, "input": {}, "created_at": now}
    return Run.objects.create(**given, updated_at=now, **values)


def add_asking(count: int) -> list[str]:
    """Runs that need an operator; the last has asked longest, and is the first in the list."""
    since = timezone.now()
    for n in range(count):
        asks: dict[str, object] = {"status": "stuck"} if n % 2 else {"status": "running", "asks_since": since}
        add(f"asks-{n}", desk_since=since - timedelta(minutes=n), **asks)
    return [f"asks-{n}" for n in reversed(range(count))]


def add_moving(count: int) -> list[str]:
    """Runs in progress; the newest is the first in the list."""
    runs = [add(f"moves-{n}", status="running") for n in range(count)]
    return [run.key for run in sorted(runs, key=lambda run: run.pk, reverse=True)]


def shown(client, page: int, **query: str) -> list[str]:
    return [run.key for run in client.get(LIST, {"p": str(page), **query}).context["cl"].result_list]


@pytest.mark.parametrize("asking", [0, 3, 50, 70, 120])
def test_each_open_run_is_on_one_page_in_its_order(admin_client, asking):
    wanted = [*add_asking(asking), *add_moving(120 - asking)]
    add("done", status="completed", finished_at=Now())
    assert [key for page in (1, 2, 3) for key in shown(admin_client, page)] == wanted


def test_one_page_is_in_the_same_order(admin_client):
    assert shown(admin_client, 1) == []
    wanted = [*add_asking(4), *add_moving(3)]
    assert shown(admin_client, 1) == wanted
    assert shown(admin_client, 1, saga="another") == []


def test_a_page_of_many_stuck_runs_does_not_read_all_of_them(admin_client):
    add_asking(1_500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE saga_run; SET enable_seqscan = off; SET enable_bitmapscan = off")
    with reading() as seen:
        assert len(shown(admin_client, 2)) == 50
    (page,) = [one for one in seen.statements if "desk_since" in one[0] and "OFFSET" in one[0]]
    assert max(rows_of(explained(*page))) < 200


def explained(sql: str, params: Any) -> dict[str, Any]:
    """The plan of a statement that is carried out."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
        (found,) = cursor.fetchone()
    plan: dict[str, Any] = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return plan


def rows_of(plan: dict[str, Any]) -> Iterator[float]:
    """How many rows each node of the plan gave."""
    yield plan["Actual Rows"]
    for child in plan.get("Plans", ()):
        yield from rows_of(child)
