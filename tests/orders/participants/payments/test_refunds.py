"""Giving money back: once, however often it is asked for."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from orders.participants import payments, refunding
from orders.participants.errors import AnswerLost
from tests.support.standins import Standins

IN_TIME = timedelta(seconds=10)


def test_a_refund_whose_answer_is_lost_is_given_once(standins: Standins) -> None:
    order = f"S-{uuid4().hex[:12]}"
    wish = payments.PaymentRequest(order, 4200, "EUR", "pm_card_visa", "ann@example.com")
    held = payments.authorize(wish, key=order, timeout=IN_TIME)
    payments.capture(held.intent_id, key=f"{order}:capture", timeout=IN_TIME)
    standins.fault("payments", operation="refund", kind="lose_answer", order=order, times=1)
    with pytest.raises(AnswerLost):
        refunding.refund(held.intent_id, key=f"{order}:refund", timeout=IN_TIME, amount=500)
    assert refunding.refund(held.intent_id, key=f"{order}:refund", timeout=IN_TIME, amount=500).amount == 500
    given = [entry for entry in standins.ledger("payments", order) if entry["operation"] == "refunded"]
    assert [(entry["amount"], entry["key"]) for entry in given] == [(500, f"{order}:refund")]
