"""What is done about the card processor's reports of refunds, before it is asked and while it cannot be."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orders.participants import refunding
from orders.participants.errors import ConnectionLost
from orders.returns import status
from orders.returns.models import Return
from orders.returns.subscribers import failed_refunds
from orders.webhooks.events import PaymentReported
from outbox import RetryAfter
from sagas import Unavailable

from .conftest import Ask

pytestmark = pytest.mark.django_db


@pytest.fixture
def refunding_now(ask: Ask) -> Return:
    """The money is owed, and what the bank answered is not written down."""
    returned = ask(mug=1)
    status.mark_refunding(returned.pk)
    return returned


def report() -> PaymentReported:
    return PaymentReported("evt_1", "refund.failed", "pi_1", "S-1")


def test_a_report_that_is_quicker_than_our_own_books_waits_for_them(refunding_now, monkeypatch):
    monkeypatch.setattr(refunding, "failure", lambda refund_id, timeout: f"why {refund_id} failed")
    with pytest.raises(RetryAfter, match="is being refunded"):
        failed_refunds(report())
    status.note_refund(refunding_now.pk, "re_1")
    status.mark_done(refunding_now.pk)
    assert failed_refunds(report()) == [("re_1", "why re_1 failed")]


@pytest.mark.parametrize(
    ("error", "delay"),
    [
        (Unavailable(timedelta(seconds=7), "payments: answered 503"), timedelta(seconds=7)),
        (ConnectionLost("payments", "no answer"), timedelta(seconds=30)),
    ],
)
def test_a_report_waits_for_a_processor_that_is_away_and_spends_no_attempt(refunding_now, monkeypatch, error, delay):
    def away(*_args: object, **_kwargs: object) -> str:
        raise error

    monkeypatch.setattr(refunding, "failure", away)
    status.note_refund(refunding_now.pk, "re_1")
    status.mark_done(refunding_now.pk)
    with pytest.raises(RetryAfter) as caught:
        failed_refunds(report())
    assert caught.value.delay == delay
