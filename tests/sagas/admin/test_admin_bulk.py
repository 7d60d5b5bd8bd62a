"""Many runs at once in the admin: a preview, an order that outlives the page, its progress, and a Stop button."""

from __future__ import annotations

import pytest
from django.urls import reverse

from outbox.messages import codec
from sagas import desk
from sagas.desk import Filter, bulk_acts
from sagas.models import Act, BulkAct, Run, RunStatus
from tests.support.sagas.admin_pages import EVERY_ACT, LIST, LOST, log_in, open_run, said, stuck
from tests.support.sagas.driver import begin, carry
from tests.support.sagas.errand import Errand, errand

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("production_static")]


@pytest.fixture
def three(world):
    """Two that are stuck, and one that is not."""
    return [stuck(world), stuck(world, key="order:9", subject="S-100009 eve@example.com"), open_run()]


def choose(client, verb, runs, everything=False, query=""):
    ticked = [str(run.pk) for run in runs]
    given = {"action": verb, "_selected_action": ticked, "select_across": "1" if everything else "0"}
    return client.post(f"{reverse(LIST)}{query}", given)


def order(client, verb, page, **given):
    sent = {"filter": codec.encode(page.context["filter"]), "reason": "Called them.", "rate": "1000", **given}
    return client.post(reverse("admin:sagas_bulk", args=[verb]), sent)


def progress(client) -> str:
    answer = client.get(reverse("admin:sagas_bulkact_change", args=[BulkAct.objects.get().pk]))
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_preview_counts_the_ticked_runs_by_step_and_code_and_changes_nothing(operator, client, three):
    page = choose(client, "resolve", three)
    text = page.content.decode()
    assert "<h2>3 runs" in text
    assert "<td>2</td><td>errand</td><td>deliver</td><td>no_such_street</td>" in text
    assert "<td>1</td><td>errand</td><td>fetch</td><td>—</td>" in text
    assert not Act.objects.exists()
    assert not BulkAct.objects.exists()


def test_an_order_is_carried_out_after_the_page_and_says_what_was_skipped_and_why(operator, client, three):
    answer = order(client, "resolve", choose(client, "resolve", three), ended="compensated")
    ordered = BulkAct.objects.get()
    assert answer.headers["Location"] == reverse("admin:sagas_bulkact_change", args=[ordered.pk])
    assert not Act.objects.exists()
    assert "0 done, 0 skipped, about 3 to go at 1000 a second." in progress(client)
    bulk_acts.run_due()
    text = progress(client)
    assert "2 done, 1 skipped, of 3." in text
    assert "S-100002 bob@example.com" in text
    assert "Cannot resolve: the run is running. Only a run that needs a person is resolved by hand." in text
    assert {(act.actor, act.reason) for act in Act.objects.all()} == {(operator, "Called them.")}
    assert Run.objects.filter(status=RunStatus.RESOLVED, resolution="compensated").count() == 2


def test_all_that_the_list_shows_are_acted_on_not_only_the_page(operator, client, three, world):
    query = "?state=stuck&step=errand.deliver&age=hour&q=S-1000"
    page = choose(client, "retry", three[:1], everything=True, query=query)
    chosen = page.context["filter"]
    assert (chosen.status, chosen.saga, chosen.step, chosen.text) == ("stuck", "errand", "deliver", "S-1000")
    assert chosen.accepted_after is not None
    assert page.context["count"] == 2
    order(client, "retry", page)
    bulk_acts.run_due()
    assert {act.run_id for act in Act.objects.all()} == {run.pk for run in three[:2]}


def test_one_ticked_run_leads_to_its_own_page(operator, client, three):
    text = choose(client, "retry", three[:1]).content.decode()
    assert f'value="{three[0].pk}:{three[0].row_version}"' in text


def test_a_bulk_act_is_stopped_by_its_button(operator, client, three):
    order(client, "pause", choose(client, "pause", three))
    assert ">Stop<" in progress(client) or 'value="Stop"' in progress(client)
    client.post(reverse("admin:sagas_bulkact_stop", args=[BulkAct.objects.get().pk]))
    bulk_acts.run_due()
    text = progress(client)
    assert "Stopped by olga. What was done stays done." in text
    assert 'value="Stop"' not in text
    assert not Act.objects.exists()
    answer = client.post(reverse("admin:sagas_bulkact_stop", args=[BulkAct.objects.get().pk]))
    assert "Cannot stop it: the run is stopped." in said(answer)


def test_the_progress_is_read_again_as_a_part_of_its_page(operator, client, three):
    order(client, "pause", choose(client, "pause", three))
    assert 'data-live="?live=1"' in progress(client)
    bulk_acts.run_due()
    address = reverse("admin:sagas_bulkact_change", args=[BulkAct.objects.get().pk])
    part = client.get(address, {"live": 1}).content.decode()
    assert "1 done, 2 skipped, of 3." in part
    assert "<html" not in part


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"reason": " "}, "Say why: whoever reads the record later has nothing else to go by."),
        ({"rate": "0"}, "Ensure this value is greater than or equal to 0.01."),
        ({"ended": ""}, "Say how it ended: our own records follow it."),
    ],
)
def test_what_is_missing_is_asked_for_again(operator, client, three, given, sentence):
    answer = order(client, "resolve", choose(client, "resolve", three), **{"ended": "completed", **given})
    assert sentence in answer.content.decode()
    assert "<h2>3 runs" in answer.content.decode()
    assert not BulkAct.objects.exists()


@pytest.mark.parametrize(
    "forged", ["", "nonsense", '{"status": "none"}', '{"ids": ["x"]}', "[" * 5000, r'{"code": "\u0000"}']
)
def test_a_forged_filter_is_refused(operator, client, three, forged):
    given = {"filter": forged, "reason": "x", "rate": "1"}
    assert client.post(reverse("admin:sagas_bulk", args=["retry"]), given).status_code == 404
    assert not BulkAct.objects.exists()


def test_undoing_where_the_pivot_was_asked_for_is_warned_of(operator, client, world):
    world.faults["pay"] = [LOST, LOST, LOST]
    world.faults["probe"] = [LOST]
    doubtful = carry(begin(errand, Errand("milk"), key="order:4"))
    text = choose(client, "compensate", [doubtful, open_run()]).content.decode()
    assert "The point of no return has been asked for in 1 of these runs, and it may have happened." in text


def test_ordering_and_stopping_need_the_acts_own_permission(client, three):
    log_in(client, "view_run", *(EVERY_ACT - {"pause_run"}))
    sent = {"filter": codec.encode(Filter()), "reason": "x", "rate": "1"}
    assert client.post(reverse("admin:sagas_bulk", args=["pause"]), sent).status_code == 403
    assert client.get(reverse("admin:sagas_bulk", args=["pause"])).status_code == 403
    assert client.get(reverse("admin:sagas_bulk", args=["retry"])).status_code == 200, "a look changes nothing"
    assert not BulkAct.objects.exists()
    bulk_acts.start_bulk("pause", Filter(), actor=desk.Person("root"), reason="x")
    stop = reverse("admin:sagas_bulkact_stop", args=[BulkAct.objects.get().pk])
    assert client.post(stop).status_code == 403
    assert client.get(stop).status_code == 405
    assert 'value="Stop"' not in progress(client)
    assert BulkAct.objects.get().state == "running"


def test_without_the_permission_to_see_runs_nothing_is_shown(client, three):
    log_in(client)
    bulk_acts.start_bulk("pause", Filter(), actor=desk.Person("root"), reason="x")
    assert client.get(reverse("admin:sagas_bulkact_changelist")).status_code == 403
    assert client.get(reverse("admin:sagas_bulkact_change", args=[1])).status_code == 403


def test_bulk_acts_are_listed_newest_first(operator, client, three):
    bulk_acts.start_bulk("pause", Filter(), actor=operator, reason="Wait for the bank.")
    text = client.get(reverse("admin:sagas_bulkact_changelist")).content.decode()
    assert "0 done, 0 skipped, of 3" in text
    assert "Wait for the bank." in text
