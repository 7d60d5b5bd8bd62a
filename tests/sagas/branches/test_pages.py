"""A run's page lists what it has started, and links to what has started it; a thousand items are one page."""

from __future__ import annotations

import re

import pytest
from django.core.management import call_command

from sagas import Refused
from sagas.models import Child, Run
from sagas.presentation.diagram import mermaid, table
from sagas.presentation.started_runs import PAGE, graph_of, started_by
from tests.support.sagas.driver import begin, step_once
from tests.support.sagas.fleet import convoy, fleet
from tests.support.sagas.tree import carry_all, child_of
from tests.support.sagas.voyage import Voyage, voyage

pytestmark = pytest.mark.django_db(transaction=True)


def page_of(client, run_id, query=""):
    return client.get(f"/admin/sagas/run/{run_id}/change/{query}").content.decode()


def test_parent_and_child_link_to_each_other(sea, admin_client):
    run = carry_all(begin(voyage, Voyage("ann")))
    child = child_of(run.pk)
    assert f"/admin/sagas/run/{child.pk}/change/" in page_of(admin_client, run.pk)
    assert f"/admin/sagas/run/{run.pk}/change/" in page_of(admin_client, child.pk)


def test_branches_are_named_by_their_steps_and_one_that_needs_a_person_comes_first(sea, admin_client):
    sea.faults["fire_salute"] = [Refused("wet powder")]
    run = carry_all(begin(fleet, Voyage("ann")))
    (before, behind) = started_by(run)
    assert [one.title for one in before.runs] == ["Fill water", "Fill food", "Load ship", "Trim"]
    assert ([one.title for one in behind.runs], behind.needs_person) == (["Fire salute", "Hoist flag"], 1)
    shown = page_of(admin_client, run.pk)
    assert "1 needs a person" in shown
    assert "wet powder" in shown


def test_a_thousand_items_are_listed_page_by_page(sea, admin_client):
    run_id = begin(convoy, Voyage("ann", ("tea",)))
    step_once(run_id)
    step_once(run_id)
    one = child_of(run_id)
    runs = [copy_of(one, number) for number in range(1, 1000)]
    Run.objects.bulk_create(runs)
    Child.objects.bulk_create(Child(run=run, parent_id=run_id, step="load", item=n) for n, run in enumerate(runs, 1))
    (by,) = started_by(Run.objects.get(pk=run_id), page=3)
    assert (by.count, by.pages, len(by.runs)) == (1000, 20, PAGE)
    assert [by.runs[0].title, by.runs[-1].title] == ["Item 100", "Item 149"]
    shown = page_of(admin_client, run_id, "?runs=3")
    assert ("1000 runs" in shown, "?runs=4" in shown, "Item 149" in shown, "Item 150" in shown) == (
        True,
        True,
        True,
        False,
    )


def copy_of(run, number):
    skipped = ("id", "key", "wake_at")
    values = {field.attname: getattr(run, field.attname) for field in Run._meta.concrete_fields}
    return Run(**{name: value for name, value in values.items() if name not in skipped}, key=f"copy:{number}")


def test_a_saga_is_drawn_as_a_graph(capsys):
    names, edges = graph_of("fleet", 1)
    assert names == list(fleet.declared)
    assert ("hire", "fill_water") in edges
    assert ("load_ship", "trim") in edges
    assert ("hire", "trim") not in edges
    drawn = mermaid(fleet)
    for line in ("start --> s0", "s0 --> s1", "s0 --> s2", "s3 --> s4", "u4 --> u2", "u1 --> u0", "u0 --> undone"):
        assert f"    {line}\n" in drawn
    assert "after fill_food and load_ship" in table(fleet)
    assert "for each item, 2 at once" in table(convoy)
    assert "a run of supply" in table(voyage)
    call_command("show_saga")
    assert "fleet.trim" not in capsys.readouterr().out


def boxes_of(shown):
    """By step, what the first drawing of a page says of it; and the steps that are marked as current."""
    drawn = shown[shown.index('class="graph"') :]
    boxes = re.findall(
        r'<a href="#step-\d+" class="node ([^"]*)" aria-label="([^":]+): ([^",]+)', drawn[: drawn.index("</svg>")]
    )
    return {title: badge for _, title, badge in boxes}, [title for kind, title, _ in boxes if "current" in kind]


def test_a_run_is_drawn_with_its_branches_each_in_its_own_state(sea, admin_client):
    sea.faults["load_ship"] = [TimeoutError("no answer")]
    run_id = begin(fleet, Voyage("ann"))
    step_once(run_id)
    step_once(run_id)
    for item in (1, 2):
        step_once(child_of(run_id, item=item).pk)
    shown = page_of(admin_client, run_id)
    badges, current = boxes_of(shown)
    assert badges == {
        "Hire": "done",
        "Fill water": "not started",
        "Fill food": "done",
        "Load ship": "waiting to retry",
        "Trim": "not started",
        "Set sail": "not started",
        "Hoist flag": "not started",
        "Fire salute": "not started",
        "Write log": "not started",
    }
    assert current == ["Fill water", "Load ship"]
    assert "after Fill food, Load ship" in shown
    assert shown.count('class="edge gone"') == 2 * 3  # hire's; and each drawing is there twice


def test_a_run_that_this_code_does_not_declare_is_drawn_as_its_rows(sea, admin_client):
    run = carry_all(begin(fleet, Voyage("ann")))
    Run.objects.filter(pk=run.pk).update(version=99)
    badges, _ = boxes_of(page_of(admin_client, run.pk))
    assert list(badges)[:3] == ["Hire", "Fill water+fill food+load ship+trim", "Set sail"]
