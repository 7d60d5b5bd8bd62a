"""A verb for every run that matches a filter: at a rate, stoppable, each act with its own record."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from sagas import Refused, WrongState, desk, tasks
from sagas.desk import bulk_acts
from sagas.desk.selection import Filter, Group, count_groups, matching, parse_filter
from sagas.models import Act, BulkAct, Run
from tests.support.sagas.driver import begin, carry
from tests.support.sagas.errand import Errand, errand
from tests.support.workers import until

pytestmark = pytest.mark.django_db(transaction=True)
STUCK = Filter(status="stuck", saga="errand")
LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture
def ann():
    return get_user_model().objects.create_user("ann")


@pytest.fixture
def many(world):
    return [stuck(world, f"order:{number}") for number in range(4)]


def stuck(world, key) -> Run:
    world.faults["deliver"] = [Refused("no_such_street", "The street is unknown.")]
    return carry(begin(errand, Errand("milk"), key=key))


def let_time_pass():
    """Long enough for the next run of every bulk act to be due."""
    BulkAct.objects.filter(state="running").update(due_at=LONG_AGO)


def acted_on() -> list[str]:
    return [act.run.key for act in Act.objects.select_related("run")]


# --- Which runs ----------------------------------------------------------------------------------------------------


def test_a_filter_finds_runs_by_state_saga_step_code_version_pause_and_text(world, many, ann):
    running = begin(errand, Errand("bread"), key="order:9")
    desk.pause(running, actor=ann, reason="x")
    assert matching(parse_filter("status=stuck,saga=errand,step=deliver,code=no_such_street,version=1")).count() == 4
    assert matching(parse_filter("step=fetch")).get().pk == running
    assert matching(parse_filter("paused=yes")).get().pk == running
    assert matching(parse_filter("paused=no")).count() == 4
    assert matching(parse_filter("text=order:2")).get().key == "order:2"
    for nothing in ("saga=checkout", "code=other", "version=2", "step=pay", "status=finished"):
        assert not matching(parse_filter(nothing)).exists()


def test_the_code_of_a_step_that_waits_is_found_as_well(world):
    run_id = begin(errand, Errand("milk"))
    Run.objects.get().steps.filter(name="fetch").update(error_code="shut")
    assert matching(Filter(code="shut")).get().pk == run_id
    assert count_groups(Filter(code="shut")) == [Group("errand", "fetch", "shut", 1)]


def test_matching_runs_are_counted_by_saga_step_and_code(world, many):
    begin(errand, Errand("bread"), key="order:9")
    assert count_groups(Filter()) == [Group("errand", "deliver", "no_such_street", 4), Group("errand", "fetch", "", 1)]


# --- In the foreground ---------------------------------------------------------------------------------------------


def test_each_run_that_matches_is_acted_on_in_the_order_of_ids(many, ann):
    outcomes = list(desk.bulk("retry", STUCK, actor=ann, reason="mended", rate=1000))
    assert [(one.run_id, one.skipped) for one in outcomes] == [(run.pk, "") for run in many]
    assert [(act.actor, act.verb, act.reason) for act in Act.objects.all()] == [(ann, "retry", "mended")] * 4


def test_no_more_than_the_rate_is_done_a_second(many, ann, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr("sagas.desk.batches.time.sleep", slept.append)
    monkeypatch.setattr("sagas.desk.batches.time.monotonic", lambda: 100 + sum(slept))
    list(desk.bulk("retry", STUCK, actor=ann, reason="mended", rate=4))
    assert slept == pytest.approx([0, 0.25, 0.25, 0.25])


def test_a_run_that_no_longer_matches_when_its_turn_comes_is_left_alone(many, ann):
    outcomes = desk.bulk("retry", STUCK, actor=ann, reason="mended", rate=1000)
    next(outcomes)
    desk.resolve(many[2].pk, actor=ann, reason="settled", ended="completed")
    assert [one.run_id for one in outcomes] == [many[1].pk, many[3].pk]


def test_a_run_that_comes_in_after_the_start_is_left_alone(world, many, ann):
    outcomes = desk.bulk("retry", STUCK, actor=ann, reason="mended", rate=1000)
    next(outcomes)
    stuck(world, "order:9")
    assert len(list(outcomes)) == 3


@pytest.mark.parametrize("error", [WrongState("retry", "in a worker's hands"), RuntimeError("a bug")])
def test_a_run_that_cannot_be_acted_on_is_skipped_with_the_reason(many, ann, monkeypatch, error):
    retry = desk.VERBS["retry"]

    def do(run_id, **given):
        if run_id == many[1].pk:
            raise error
        retry.do(run_id, **given)

    monkeypatch.setitem(desk.VERBS, "retry", desk.Verb("retry", "", "", "", do, many=True))
    outcomes = list(desk.bulk("retry", STUCK, actor=ann, reason="mended", rate=1000))
    assert [str(error) in one.skipped if one.skipped else "" for one in outcomes] == ["", True, "", ""]


def test_what_is_decided_run_by_run_is_refused(ann):
    with pytest.raises(desk.DoesNotFit, match="Many runs at once: retry, compensate, resolve, pause, resume, move"):
        desk.bulk("skip", STUCK, actor=ann, reason="x")
    with pytest.raises(desk.ReasonMissing):
        desk.bulk("retry", STUCK, actor=ann, reason=" ")


# --- Durably -------------------------------------------------------------------------------------------------------


def test_a_bulk_act_is_worked_off_at_its_rate(many, ann):
    ordered = bulk_acts.start_bulk("retry", STUCK, actor=ann, reason="mended", rate=0.5)
    assert (ordered.total, acted_on()) == (4, [])
    assert bulk_acts.run_due() == 1
    assert bulk_acts.run_due() == 0, "the next is due in two seconds"
    BulkAct.objects.update(due_at=F("due_at") - timedelta(seconds=2))
    assert bulk_acts.run_due() == 1
    assert acted_on() == ["order:0", "order:1"]


def test_time_in_which_nobody_worked_is_made_up_for_only_in_part(world, ann, monkeypatch):
    monkeypatch.setattr(bulk_acts, "TICK", 60.0)  # as long as it takes
    for number in range(20):
        stuck(world, f"order:{number}")
    bulk_acts.start_bulk("retry", STUCK, actor=ann, reason="mended", rate=1)
    let_time_pass()
    begun = time.monotonic()
    done = bulk_acts.run_due()
    assert 6 <= done <= 7 + (time.monotonic() - begun), "five seconds' worth, the one due now, and what falls due now"


def test_it_ends_with_its_counts_and_every_run_has_its_act(many, ann):
    ordered = bulk_acts.start_bulk("resolve", STUCK, actor=ann, reason="settled", rate=1000, ended="compensated")
    desk.retry_now(many[3].pk, actor=ann, reason="this one is mended")
    bulk_acts.run_due()
    ordered.refresh_from_db()
    assert (ordered.state, ordered.done, ordered.skipped) == ("finished", 3, 0)
    assert ordered.ended_at is not None
    acts = Act.objects.filter(verb="resolve")
    assert {(act.actor, act.reason) for act in acts} == {(ann, "settled")}
    assert acts.count() == 3


def test_a_run_that_is_skipped_is_named_with_the_reason(many, ann):
    ordered = bulk_acts.start_bulk("compensate", STUCK, actor=ann, reason="x", rate=1000)
    bulk_acts.run_due()
    ordered.refresh_from_db()
    assert (ordered.done, ordered.skipped) == (0, 4)
    assert ordered.skips[0]["run"] == str(many[0].pk)
    assert "past its point of no return" in ordered.skips[0]["why"]
    assert not Act.objects.exists()


def test_a_stopped_bulk_act_takes_no_further_run(many, ann):
    ordered = bulk_acts.start_bulk("retry", STUCK, actor=ann, reason="mended", rate=0.5)
    bulk_acts.run_due()
    bulk_acts.stop_bulk(ordered.pk, actor=ann)
    let_time_pass()
    assert bulk_acts.run_due() == 0
    ordered.refresh_from_db()
    assert (ordered.state, ordered.done, ordered.stopped_by) == ("stopped", 1, "ann")
    with pytest.raises(WrongState, match=r"Cannot stop it: the run is stopped\."):
        bulk_acts.stop_bulk(ordered.pk, actor=ann)


def test_of_several_copies_one_has_a_bulk_act_at_a_time(many, ann):
    """While one copy is within an act, another passes the bulk act over: it neither waits nor takes a run twice."""
    bulk_acts.start_bulk("retry", STUCK, actor=ann, reason="mended", rate=1000)
    came: list[int] = []

    def copy():
        try:
            came.append(bulk_acts.run_due())
        finally:
            connection.close()

    other = threading.Thread(target=copy)
    with transaction.atomic():
        BulkAct.objects.select_for_update().get()
        other.start()
        other.join(10)
    assert came == [0]
    bulk_acts.run_due()
    assert acted_on() == ["order:0", "order:1", "order:2", "order:3"]


def test_copies_at_once_act_on_each_run_once(world, ann):
    for number in range(12):
        stuck(world, f"order:{number}")
    ordered = bulk_acts.start_bulk("retry", STUCK, actor=ann, reason="mended", rate=1000)

    def copy():
        try:
            for _ in range(30):
                bulk_acts.run_due()
        finally:
            connection.close()

    copies = [threading.Thread(target=copy) for _ in range(3)]
    for one in copies:
        one.start()
    for one in copies:
        one.join(60)
    ordered.refresh_from_db()
    assert (ordered.state, ordered.done) == ("finished", 12)
    assert sorted(acted_on()) == sorted({f"order:{number}" for number in range(12)})


def test_an_act_whose_count_cannot_be_written_is_not_done(many, ann, monkeypatch):
    bulk_acts.start_bulk("retry", STUCK, actor=ann, reason="mended", rate=1000)

    def fail(*_):
        raise RuntimeError("the database is full")

    with monkeypatch.context() as patch:
        patch.setattr(bulk_acts, "_count", fail)
        with pytest.raises(RuntimeError):
            bulk_acts.run_due()
    assert acted_on() == []
    bulk_acts.run_due()
    assert len(acted_on()) == 4


def test_a_person_without_an_account_can_order_one(many):
    bulk_acts.start_bulk("retry", STUCK, actor=desk.Person("root"), reason="mended", rate=1000)
    bulk_acts.run_due()
    assert {(act.actor, act.actor_name) for act in Act.objects.all()} == {(None, "root")}


def test_a_filter_is_kept_as_it_was_ordered(many, ann):
    chosen = Filter(status="stuck", accepted_before=timezone.now(), ids=(many[0].pk, many[2].pk))
    ordered = bulk_acts.start_bulk("retry", chosen, actor=ann, reason="mended", rate=1000)
    ordered.refresh_from_db()
    assert bulk_acts.filter_of(ordered) == chosen
    bulk_acts.run_due()
    assert acted_on() == ["order:0", "order:2"]


def test_beat_works_bulk_acts_off_each_second():
    entry = settings.CELERY_BEAT_SCHEDULE["every-second-work-off-bulk-acts"]
    assert (entry["task"], entry["schedule"]) == (tasks.bulk.name, timedelta(seconds=1))
    assert settings.CELERY_TASK_ROUTES[tasks.bulk.name] == {"queue": "upkeep"}


def test_a_real_worker_works_a_bulk_act_off(ann, worker):
    for number in range(3):
        begin(errand, Errand("milk"), key=f"order:{number}")
    worker("upkeep")
    ordered = bulk_acts.start_bulk("pause", Filter(saga="errand"), actor=ann, reason="wait", rate=1000)
    tasks.bulk.apply_async(queue="upkeep")
    until(lambda: BulkAct.objects.get(pk=ordered.pk).state == "finished", 20, what="the worker has acted on all")
    assert Run.objects.filter(paused_at__isnull=False).count() == 3
