"""The figures that alerts are about: the value at stake, and steps that fail more often than they did."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from sagas.alerts import figures
from sagas.models import Run, Tally
from tests.support.sagas.admin_pages import open_run, stuck

pytestmark = pytest.mark.django_db(transaction=True)


def ended(count: int, outcome: str, ago: timedelta, span: int, name: str = "pay", kind: str = "step") -> None:
    Tally.objects.create(
        span=span,
        at=timezone.now() - ago,
        kind=kind,
        saga="errand",
        name=name,
        outcome=outcome,
        count=count,
        retries=0,
        seconds=0,
        buckets=[],
        last_at=timezone.now(),
    )


def lately(count: int, outcome: str, **step: str) -> None:
    ended(count, outcome, timedelta(minutes=5), 60, **step)


def last_week(count: int, outcome: str, **step: str) -> None:
    ended(count, outcome, timedelta(days=3), 3600, **step)


def rises() -> dict[str, float]:
    return {one.label: round(one.value, 1) for one in figures.failure_rise()}


def test_a_step_is_compared_with_its_own_week():
    lately(30, "done")
    lately(10, "in_doubt")
    last_week(950, "done")
    last_week(50, "lost")
    assert rises() == {"errand.pay": 20.0}
    (reading,) = figures.failure_rise()
    assert reading.words == "10 of 40 attempts of errand.pay failed lately, and 5.0% in the week before."


def test_a_refusal_and_an_outage_are_no_failures_and_a_failure_of_our_own_is():
    lately(30, "refused")
    lately(30, "away")
    lately(20, "ours")
    assert rises() == {"errand.pay": 25.0}


def test_an_undo_is_a_step_of_its_own():
    lately(20, "done")
    lately(20, "in_doubt", kind="undo")
    assert rises() == {"errand.pay": 0.0, "errand.pay.undo": 100.0}


def test_of_few_attempts_nothing_is_said():
    lately(19, "in_doubt")
    assert rises() == {}


def test_the_value_at_stake_is_that_of_what_needs_a_person_by_currency(world):
    first, second, third = stuck(world), stuck(world, key="order:4"), open_run()
    for run, amount, currency in ((first, "12.50", "EUR"), (second, "7.50", "EUR"), (third, "99.00", "USD")):
        Run.objects.filter(pk=run.pk).update(stake=Decimal(amount), stake_currency=currency)
    assert [(one.label, one.value) for one in figures.stuck_value()] == [("EUR", 20.0)]
