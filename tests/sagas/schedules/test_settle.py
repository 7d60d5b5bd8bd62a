"""Each tick is settled once, whenever one looks: started, skipped, missed or made to wait, and written down."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagas.models import Run, ScheduleTick
from sagas.models import Schedule as Row
from sagas.schedules import settle as settling
from sagas.schedules.look import late, look, prune_history
from sagas.schedules.plan import AT_ONCE
from tests.support.sagas.driver import carry
from tests.support.sagas.nightly import A_SECOND, Night, at, declared, end_all, history, keys, looks

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_tick_starts_one_run_with_the_tick_as_its_key_and_its_input():
    with declared(timezone="Europe/Berlin"):
        assert looks(look, "03-28 12:00", "03-29 00:59") == 0
        assert looks(look, "03-29 01:00", "03-29 01:00", "03-29 01:01") == 1
    (run,) = Run.objects.filter(name="nightly")
    assert (run.key, run.input) == ("nightly:2026-03-29T01:00:00Z", {"tick": "03-29 03:00+0200"})
    assert run.subject == "nightly 2026-03-29 03:00"
    tick = ScheduleTick.objects.get()
    assert (tick.run, tick.outcome, tick.kind) == (run.pk, "started", "tick")
    assert carry(run.pk).status == "completed"


def test_a_schedule_that_is_first_seen_has_no_backlog_and_knows_its_next_tick():
    with declared(missed="all"):
        assert looks(look, "05-01 12:00") == 0
        assert history() == []
        assert Row.objects.get().next_at == at("05-02 03:00")


def test_a_clock_that_goes_back_starts_nothing_twice_and_one_that_goes_ahead_starts_early():
    with declared(overlap="start", missed="all"):
        looks(look, "05-01 12:00")
        assert looks(look, "05-03 03:00") == 2, "it went ahead"
        assert looks(look, "05-01 12:00", "05-02 03:00", "05-03 03:00") == 0, "and back"
        assert looks(look, "05-04 03:00") == 1
    assert len(set(keys())) == len(keys()) == 3


@pytest.mark.parametrize(
    ("missed", "started", "outcomes"),
    [
        ("once", ["05-04"], ["missed", "missed", "started"]),
        ("all", ["05-02", "05-03", "05-04"], ["started", "started", "started"]),
        ("skip", [], ["missed", "missed", "missed"]),
    ],
)
def test_what_was_missed_goes_by_the_policy_and_is_in_the_history(missed, started, outcomes):
    with declared(missed=missed, overlap="start"):
        looks(look, "05-01 12:00", "05-04 12:00")
    assert keys() == [f"nightly:2026-{day}T03:00:00Z" for day in started]
    assert [outcome for _, outcome in history()] == outcomes
    words = ScheduleTick.objects.filter(outcome="missed").values_list("reason", flat=True)
    assert all(text.startswith("It was seen ") for text in words)


def test_a_tick_that_is_seen_in_time_is_not_missed_with_skip():
    with declared(missed="skip"):
        assert looks(look, "05-01 12:00", "05-02 03:00:59") == 1


def test_all_is_caught_up_in_bounded_portions():
    with declared(missed="all", overlap="start", cron="* * * * *"):
        looks(look, "05-01 12:00")
        started = [looks(look, "05-01 12:50") for _ in range(4)]
    assert started == [AT_ONCE, AT_ONCE, 10, 0]
    assert keys() == sorted(keys())


def test_a_long_absence_is_written_down_in_portions_and_the_latest_runs(monkeypatch):
    monkeypatch.setattr(settling, "MOST_TICKS", 7)
    with declared(missed="once", cron="* * * * *"):
        looks(look, "05-01 12:00")
        started = [looks(look, "05-01 12:20") for _ in range(4)]
    assert started == [0, 0, 1, 0]
    assert [outcome for _, outcome in history()] == ["missed"] * 19 + ["started"]
    assert keys() == ["nightly:2026-05-01T12:20:00Z"]


def test_skip_leaves_a_tick_out_while_a_run_has_not_ended_and_says_which():
    with declared(overlap="skip"):
        looks(look, "05-01 12:00", "05-02 03:00", "05-03 03:00")
        Run.objects.update(status="stuck")
        looks(look, "05-04 03:00")
        end_all_stuck()
        looks(look, "05-05 03:00")
    assert [outcome for _, outcome in history()] == ["started", "skipped", "skipped", "started"]
    assert ScheduleTick.objects.get(at=at("05-03 03:00")).reason == "The run of 2026-05-02 03:00 UTC had not ended."


def end_all_stuck() -> None:
    Run.objects.filter(status="stuck").update(status="resolved", finished_at=at("01-01 00:00"))


def test_queue_starts_each_when_the_one_before_has_ended_in_order():
    with declared(overlap="queue"):
        looks(look, "05-01 12:00", "05-02 03:00", "05-03 03:00", "05-04 03:00")
        assert [outcome for _, outcome in history()] == ["started", "waiting", "waiting"]
        for count in (2, 3):
            end_all()
            assert looks(look, "05-04 04:00", "05-04 04:00") == 1
            assert len(keys()) == count
    assert keys() == sorted(keys())


def test_start_starts_regardless():
    with declared(overlap="start"):
        assert looks(look, "05-01 12:00", "05-02 03:00", "05-03 03:00") == 2


def test_all_with_skip_catches_up_in_order_and_leaves_out_only_what_comes_meanwhile():
    with declared(missed="all", overlap="skip"):
        looks(look, "05-01 12:00", "05-03 12:00")
        assert history() == [("05-02 03:00", "started"), ("05-03 03:00", "waiting")]
        looks(look, "05-04 03:00")
        end_all()
        assert looks(look, "05-04 03:01") == 1
    assert [outcome for _, outcome in history()] == ["started", "started", "skipped"]


def test_what_ends_is_seen_and_how():
    with declared():
        looks(look, "05-01 12:00", "05-02 03:00")
        end_all("compensated")
        looks(look, "05-02 03:01")
    tick = ScheduleTick.objects.get()
    assert (tick.ended, tick.over_at) == ("compensated", at("01-01 00:00"))


def test_a_run_that_is_no_longer_there_is_in_nobodys_way():
    with declared():
        looks(look, "05-01 12:00", "05-02 03:00")
        Run.objects.all().delete()
        assert looks(look, "05-03 03:00") == 1


def test_another_expression_begins_when_it_is_seen_and_two_releases_side_by_side_lose_no_tick():
    with declared():
        looks(look, "05-01 12:00", "05-02 03:00")
        end_all()
    with declared(cron="0 * * * *", missed="all"):
        assert looks(look, "05-02 15:30") == 0, "the hours before are none of its own"
        assert looks(look, "05-02 16:00") == 1
        end_all()
    for second in range(4):  # the old release and the new one look in turn; at 17:00:01 it is the old one's
        with declared(**({"cron": "0 * * * *"} if second % 2 else {})):
            look(at("05-02 16:59:59") + second * A_SECOND)
    assert "nightly:2026-05-02T17:00:00Z" in keys()
    assert keys().count("nightly:2026-05-02T17:00:00Z") == 1


def test_one_that_fails_holds_up_no_other_is_tried_again_and_says_why(caplog):
    def fail(tick: datetime) -> Night:
        raise ValueError(f"no books of {tick:%d}")

    with declared() as good:
        broken = type(good)(good.saga, name="broken", cron="0 3 * * *", timezone="UTC", input=fail)
        looks(look, "05-01 12:00")
        assert looks(look, "05-02 03:00") == 1
        row = Row.objects.get(pk="broken")
        assert row.trouble == "ValueError: no books of 02"
        assert row.settled_until == at("05-01 12:00"), "its tick is not lost"
        assert "schedule.not_settled" in caplog.text
        since = row.trouble_since
        assert looks(look, "05-02 03:01") == 0
        assert Row.objects.get(pk="broken").trouble_since == since
        assert late() is not None
        broken.input = good.input
        assert looks(look, "05-02 03:02") == 1
        assert Row.objects.get(pk="broken").trouble == ""


def test_one_that_is_no_longer_declared_starts_nothing():
    with declared():
        looks(look, "05-01 12:00")
    with declared(name="another"):
        looks(look, "05-02 12:00")
    assert keys() == []
    assert set(Row.objects.values_list("name", flat=True)) == {"nightly", "another"}


def test_a_tick_that_nobody_sees_is_late():
    with declared():
        looks(look, "05-01 12:00")
        assert late() is not None, "PostgreSQL's clock is past that"
        Row.objects.update(next_at=at("12-31 00:00") + timedelta(days=36_500))
        assert late() is None


def test_history_is_pruned_as_runs_are_but_not_what_has_not_ended():
    with declared(overlap="queue"):
        looks(look, "05-01 12:00", "05-02 03:00")
        end_all()
        looks(look, "05-03 03:00", "05-04 03:00")
        ScheduleTick.objects.update(recorded_at=at("01-01 00:00") - timedelta(days=400))
        assert prune_history(timedelta(days=90)) == 1
    assert history() == [("05-03 03:00", "started"), ("05-04 03:00", "waiting")]


def test_while_nothing_is_due_one_statement_a_look(django_assert_num_queries):
    with declared():
        looks(look, "05-01 12:00")
        with django_assert_num_queries(1):
            looks(look, "05-01 12:01")


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["*/20 * * * *", "30 2 * * *", "0 * * * *", "15 */2 * * *"]),
    st.sampled_from([at("03-28 20:00"), at("10-24 20:00"), at("05-01 12:00")]),
    st.lists(st.integers(-30, 200), min_size=1, max_size=12),
)
def test_no_tick_is_lost_or_doubled_whatever_the_beats_times_are(cron, begin, minutes):
    Row.objects.all().delete()
    Run.objects.all().delete()
    with declared(cron=cron, timezone="Europe/Berlin", missed="all", overlap="start") as schedule:
        now = latest = begin
        look(begin)
        for step in minutes:
            now += timedelta(minutes=step)
            latest = max(latest, now)
            look(now)
        for _ in range(10):
            look(latest)
        assert keys() == [schedule.key_of(tick) for tick in schedule.ticks_between(begin, latest)]
