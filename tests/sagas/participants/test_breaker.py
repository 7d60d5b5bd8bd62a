"""The breaker of a participant and its limits, over real PostgreSQL and as many connections as there are workers."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
import requests
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sagas import Participant, Refused, RetryAfter, Unavailable
from sagas.models import Breaker, Slot
from sagas.participants import breaker, lookup
from sagas.participants.breaker import Admission, admit
from sagas.participants.calls import answered, settled
from sagas.participants.lookup import breakers
from tests.support.sagas.clock import LONG_AGO
from tests.support.sagas.together import together

pytestmark = pytest.mark.django_db(transaction=True)
LEASE = 30.0
S = Breaker.State


def fail(times: int = 3, reason: str = "connection refused") -> None:
    for _ in range(times):
        settled(admit("bank", LEASE), answered=False, reason=reason)


def opened() -> None:
    fail()
    assert bank().state == S.OPEN


def bank() -> Breaker:
    return Breaker.objects.get(name="bank")


def let_the_hold_pass() -> None:
    Breaker.objects.update(open_until=LONG_AGO)
    breakers.forget()


def held_for() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM open_until - clock_timestamp()) FROM saga_participant")
        return float(cursor.fetchone()[0])


def statements(act) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        act()
    return [query["sql"] for query in captured]


# --- The breaker ---------------------------------------------------------------------------------------------------


def test_a_call_to_a_participant_that_answers_costs_no_statement():
    breakers.of("bank")

    def call():
        for _ in range(50):
            settled(admit("bank", LEASE), answered=True)

    began = time.monotonic()
    assert len(statements(call)) <= time.monotonic() - began, "one reading a second at most"


def test_a_step_that_calls_nobody_is_not_even_looked_up():
    assert statements(lambda: settled(admit("", LEASE), answered=True)) == []


def test_failures_in_a_row_open_the_breaker_and_nobody_calls_any_more():
    fail(2)
    assert admit("bank", LEASE).go
    fail(1)
    denied = admit("bank", LEASE)
    assert not denied.go
    assert denied.away
    assert 0 < denied.wait <= 5
    assert denied.why == "bank is away: connection refused"
    assert held_for() == pytest.approx(5, abs=1)


def test_an_answer_in_between_ends_the_row():
    fail(2)
    settled(admit("bank", LEASE), answered=True)
    fail(2)
    assert bank().state == S.CLOSED
    assert bank().failures == 2


def test_an_error_of_our_own_neither_counts_nor_ends_the_row():
    fail(2)
    settled(admit("bank", LEASE), answered=None)
    assert bank().failures == 2
    fail(1)
    assert bank().state == S.OPEN


def test_one_participants_outage_holds_no_other():
    opened()
    assert admit("shop", LEASE).go


def test_another_process_learns_of_it_within_a_second():
    assert admit("bank", LEASE).go
    together(lambda: Breaker.objects.create(name="bank", state=S.OPEN, opened_at=LONG_AGO), 1)
    began = time.monotonic()
    while admit("bank", LEASE).go:
        assert time.monotonic() - began < 3
        time.sleep(0.02)


def test_a_process_that_knew_of_the_outage_sees_the_end_of_it():
    opened()
    Breaker.objects.update(state=S.CLOSED, failures=0, open_until=None)
    breakers._known["bank"] = lookup.BreakerState("bank", S.OPEN, trial_at=0.0)
    assert admit("bank", LEASE).go, "an open breaker whose time is over is settled in PostgreSQL"


@pytest.mark.parametrize("round_", range(5))
def test_after_the_hold_exactly_one_of_many_workers_goes_as_the_trial(round_):
    opened()
    let_the_hold_pass()
    admissions = together(lambda: admit("bank", LEASE), 8)
    assert [one.trial for one in admissions if one.go] == [True]
    assert all(one.away for one in admissions if not one.go)
    assert bank().state == S.HALF_OPEN


def test_a_trial_that_is_answered_closes_the_breaker():
    opened()
    let_the_hold_pass()
    settled(admit("bank", LEASE), answered=True)
    found = bank()
    assert (found.state, found.failures, found.openings, found.opened_at) == (S.CLOSED, 0, 0, None)
    assert admit("bank", LEASE).go


def test_a_trial_that_fails_holds_twice_as_long_and_the_outage_began_when_it_began():
    opened()
    began = bank().opened_at
    for seconds in (10, 20, 40, 60, 60):
        let_the_hold_pass()
        trial = admit("bank", LEASE)
        assert trial.trial
        settled(trial, answered=False, reason="still refused")
        assert held_for() == pytest.approx(seconds, abs=1)
    assert bank().opened_at == began
    assert bank().reason == "still refused"


def test_a_trial_in_which_nobody_was_asked_leaves_the_next_call_to_be_it():
    opened()
    let_the_hold_pass()
    settled(admit("bank", LEASE), answered=None)
    assert bank().state == S.OPEN
    assert admit("bank", LEASE).trial


def test_the_trial_of_a_dead_worker_is_free_when_its_lease_is_over_and_decides_nothing_any_more():
    opened()
    let_the_hold_pass()
    dead = admit("bank", LEASE)
    assert not admit("bank", LEASE).go
    Breaker.objects.update(trial_until=LONG_AGO)
    breakers.forget()
    second = admit("bank", LEASE)
    assert second.trial
    settled(dead, answered=True)
    settled(dead, answered=None)
    settled(dead, answered=False)
    assert bank().state == S.HALF_OPEN
    settled(second, answered=True)
    assert bank().state == S.CLOSED


def test_calls_that_were_under_way_when_it_opened_do_not_lengthen_the_hold_or_end_it():
    under_way = [admit("bank", LEASE) for _ in range(8)]
    opened()
    for admission in under_way:
        settled(admission, answered=False)
    assert bank().openings == 1
    assert held_for() <= 5
    settled(under_way[0], answered=True)
    assert bank().state == S.OPEN


def test_failures_of_many_workers_at_once_are_all_counted():
    together(lambda: settled(admit("bank", LEASE), answered=False), 2)
    assert bank().failures == 2
    assert bank().state == S.CLOSED


def test_a_policy_that_opens_at_the_first_failure_does(settings):
    settings.SAGAS_PARTICIPANTS = {"bank": Participant(trip_after=1, hold=timedelta(seconds=30))}
    fail(1)
    assert bank().state == S.OPEN
    assert held_for() == pytest.approx(30, abs=1)


def test_calls_held_by_hand_stay_held_until_they_are_let_go_by_hand():
    trial_under_way = Admission("bank", go=True)
    breaker.open_by_hand("bank", "The bank moves house.")
    Breaker.objects.update(opened_at=LONG_AGO)
    breakers.forget()
    assert admit("bank", LEASE).why == "bank is away: The bank moves house."
    settled(trial_under_way, answered=True)
    settled(trial_under_way, answered=False, reason="refused")
    assert bank().reason == "The bank moves house."
    assert not admit("bank", LEASE).go
    breaker.close("bank", "It has moved.")
    assert admit("bank", LEASE).go


def test_calls_held_by_hand_during_a_trial_are_not_let_go_by_it():
    opened()
    let_the_hold_pass()
    trial = admit("bank", LEASE)
    breaker.open_by_hand("bank", "Stop.")
    settled(trial, answered=True)
    assert bank().state == S.OPEN


# --- The limits ----------------------------------------------------------------------------------------------------


def test_never_more_calls_than_allowed_are_under_way_at_once(settings):
    settings.SAGAS_PARTICIPANTS = {"bank": Participant(at_once=3)}
    lock, under_way, seen, until = threading.Lock(), [0], [], time.monotonic() + 2

    def call():
        while time.monotonic() < until:
            admission = admit("bank", LEASE)
            if not admission.go:
                assert not admission.away
                assert 0 < admission.wait <= 1
                continue
            with lock:
                under_way[0] += 1
                seen.append(under_way[0])
            time.sleep(0.005)
            with lock:
                under_way[0] -= 1
            settled(admission, answered=True)

    together(call, 8)
    assert max(seen) == 3, "the limit holds, and is used up"
    assert len(seen) > 50
    assert Slot.objects.filter(token=None).count() == 3


def test_the_slot_of_a_dead_worker_is_free_when_its_time_is_over(settings):
    settings.SAGAS_PARTICIPANTS = {"bank": Participant(at_once=1)}
    dead = admit("bank", LEASE)
    assert dead.go
    assert not admit("bank", LEASE).go
    Slot.objects.update(until=LONG_AGO)
    second = admit("bank", LEASE)
    assert second.go
    settled(dead, answered=True)
    assert not admit("bank", LEASE).go, "the dead worker's token frees nothing"


@pytest.mark.parametrize("how", [True, False, None])
def test_whatever_became_of_a_call_its_slot_is_free_after_one_statement(settings, how):
    settings.SAGAS_PARTICIPANTS = {"bank": Participant(at_once=1, trip_after=9)}
    fail(1)
    admission = admit("bank", LEASE)
    assert len(statements(lambda: settled(admission, answered=how))) == 1
    assert admit("bank", LEASE).go


def test_a_raised_and_a_lowered_limit_count_at_once(settings):
    for limit in (1, 3, 2):
        settings.SAGAS_PARTICIPANTS = {"bank": Participant(at_once=limit)}
        admitted = [one for one in (admit("bank", LEASE) for _ in range(5)) if one.go]
        assert len(admitted) == limit
        for one in admitted:
            settled(one, answered=True)


def test_a_trial_takes_a_slot_as_well_and_is_given_back_when_there_is_none(settings):
    settings.SAGAS_PARTICIPANTS = {"bank": Participant(at_once=1, trip_after=1)}
    slow, refused = admit("bank", LEASE), Admission("bank", go=True)
    settled(refused, answered=False)
    let_the_hold_pass()
    assert not admit("bank", LEASE).go
    assert bank().state == S.OPEN
    settled(slow, answered=True)
    assert admit("bank", LEASE).trial


def test_no_more_calls_than_allowed_begin_within_a_second(settings):
    settings.SAGAS_PARTICIPANTS = {"bank": Participant(per_second=20)}
    began: list[float] = []
    until = time.monotonic() + 2.5

    def call():
        while time.monotonic() < until:
            if admit("bank", LEASE).go:
                began.append(time.monotonic())
            time.sleep(0.002)

    together(call, 8)
    began.sort()
    most = max(sum(1 for one in began if start <= one < start + 1) for start in began)
    assert 15 <= most <= 21  # one more, for the time between PostgreSQL's clock and this one


def test_those_who_must_wait_for_their_turn_are_told_different_times(settings):
    settings.SAGAS_PARTICIPANTS = {"bank": Participant(per_second=2)}
    assert admit("bank", LEASE).go
    waits = [one.wait for one in together(lambda: admit("bank", LEASE), 6)]
    steps = [later - sooner for sooner, later in zip(sorted(waits), sorted(waits)[1:], strict=False)]
    assert steps == [pytest.approx(0.55, abs=0.1)] * 5


def test_nobody_is_sent_away_for_longer_than_a_minute(settings):
    settings.SAGAS_PARTICIPANTS = {"bank": Participant(per_second=0.05)}
    waits = [admit("bank", LEASE).wait for _ in range(6)]
    assert max(waits) == pytest.approx(60, abs=1)


def test_a_call_that_finds_no_turn_keeps_no_slot(settings):
    settings.SAGAS_PARTICIPANTS = {"bank": Participant(at_once=2, per_second=1)}
    assert [admit("bank", LEASE).go for _ in range(3)] == [True, False, False]
    assert Slot.objects.exclude(token=None).count() == 1


# --- What an error says --------------------------------------------------------------------------------------------


def http_error(status: int) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError(response=response)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (None, True),
        (Refused("card_declined"), True),
        (RetryAfter(timedelta(seconds=1)), True),
        (Unavailable(timedelta(seconds=1)), False),
        (ConnectionRefusedError(), False),
        (TimeoutError(), False),
        (OSError(113, "No route to host"), False),
        (requests.ConnectTimeout(), False),
        (http_error(503), False),
        (http_error(429), False),
        (http_error(404), True),
        (requests.exceptions.InvalidURL(), None),
        (FileNotFoundError(), None),
        (KeyError("id"), None),
    ],
)
def test_what_the_end_of_an_attempt_says_about_the_participant(error, says):
    assert answered(error) is says
