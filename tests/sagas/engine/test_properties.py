"""The guarantees, for sagas of any shape, however their calls, workers, operators and customers behave.

Every build tries the same examples. Set SAGAS_EXAMPLES to try so many others, chosen anew each time.
"""

from __future__ import annotations

import os
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.sagas.anyrun import AnyRun, Visit
from tests.support.sagas.anysaga import DEADLINE, Answer, Plan, Shape, shapes

MORE = os.environ.get("SAGAS_EXAMPLES", "")
PROFILE = settings(
    max_examples=int(MORE or 200),
    derandomize=not MORE,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
DELTAS = [timedelta(seconds=1), timedelta(seconds=20), timedelta(minutes=5), DEADLINE]
VERBS = ["retry", "retry", "retry", "cancel", "compensate", "resolve", "pause", "resume"]

answers = st.lists(st.sampled_from([*reversed(Answer), Answer.OK, Answer.OK, Answer.OK]), min_size=1, max_size=6)
visits = st.lists(
    st.builds(Visit, answers, st.lists(st.booleans(), max_size=2), st.booleans(), st.booleans()), min_size=1, max_size=4
)
workers = st.builds(partial, st.just(AnyRun.workers_come), visits=visits)
messages = st.builds(
    partial, st.just(AnyRun.an_old_message_comes), position=st.integers(0, 5), undo=st.booleans(), answers=answers
)
time = st.builds(partial, st.just(AnyRun.time_goes_by), delta=st.sampled_from(DELTAS))
acts = st.builds(partial, st.just(AnyRun.somebody_acts), verb=st.sampled_from(VERBS), completed=st.booleans())
happenings = st.lists(workers | workers | workers | messages | time | acts, min_size=2, max_size=8)


ONE_PIVOT = Shape((Plan(undo=False, probe=False, local=False, attempts=2, undo_attempts=1),), 0, deadline=False)


def worker(*answers: Answer) -> partial[None]:
    return partial(AnyRun.workers_come, visits=[Visit([answer], [], patient=True) for answer in answers])


def act(verb: str) -> partial[None]:
    return partial(AnyRun.somebody_acts, verb=verb, completed=False)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(3600 if MORE else 600)  # shrinking what it found takes minutes
@PROFILE
@example(
    shape=ONE_PIVOT, in_place=False, happenings=[worker(Answer.LOST, Answer.REFUSED)]
)  # refused, and yet it may have been applied
@example(
    shape=ONE_PIVOT, in_place=False, happenings=[worker(Answer.LOST), act("cancel")]
)  # too late: it has been asked for
@example(shape=ONE_PIVOT, in_place=False, happenings=[worker(Answer.LOST, Answer.LOST), act("resolve")])
@given(shape=shapes(), in_place=st.booleans(), happenings=happenings)
def test_the_guarantees_hold_whatever_happens(shape, in_place, happenings):
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")  # nothing here is to outlive PostgreSQL
    run = AnyRun(shape, in_place=in_place)
    try:
        for happens in happenings:
            happens(run)
            run.guarantees_hold()
        run.end()
    finally:
        run.forget()
