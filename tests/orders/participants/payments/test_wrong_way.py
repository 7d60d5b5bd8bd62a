"""The article's two ways to take a payment, side by side: what the customer sees on the card's statement afterwards.

The wrong way charges first and refunds when the database says no; the right way only holds the amount until then.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
import requests
import stripe
from django.db import DatabaseError, transaction

from orders.models import Product
from orders.participants import payments
from tests.support.standins import API_KEY, Standins

pytestmark = pytest.mark.django_db(transaction=True)
SOON = timedelta(seconds=10)


@pytest.fixture
def number() -> str:
    return f"S-{uuid.uuid4().hex[:8]}"


def write_the_order() -> None:
    """The shop's own write, which fails: a price cannot be negative."""
    with transaction.atomic():
        Product.objects.create(sku="broken", name="Broken", price=-1)


def statement(standins: Standins, number: str) -> list[dict[str, Any]]:
    """What stands on the customer's card statement for the order."""
    answer = requests.get(f"{standins.url}/payments/_statement", params={"order": number}, timeout=10)
    answer.raise_for_status()
    return list(answer.json()["entries"])


def test_the_wrong_way_leaves_a_charge_and_a_refund_on_the_statement(standins, number):
    api = stripe.StripeClient(API_KEY, base_addresses={"api": f"{standins.url}/payments"}, max_network_retries=0).v1
    charged = api.payment_intents.create(
        {
            "amount": 3700,
            "currency": "eur",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"order": number},
        }
    )
    with pytest.raises(DatabaseError):
        write_the_order()
    api.refunds.create({"payment_intent": charged.id})
    assert [entry["amount"] for entry in statement(standins, number)] == [3700, -3700]


def test_the_right_way_leaves_nothing_on_the_statement(standins, number):
    request = payments.PaymentRequest(number, 3700, "EUR", "pm_card_visa", "ann@example.com")
    held = payments.authorize(request, key=number, timeout=SOON)
    with pytest.raises(DatabaseError):
        write_the_order()
    payments.void(request, key=number, timeout=SOON, intent_id=held.intent_id)
    assert statement(standins, number) == []


def test_the_right_way_charges_once_when_all_goes_well(standins, number):
    request = payments.PaymentRequest(number, 3700, "EUR", "pm_card_visa", "ann@example.com")
    held = payments.authorize(request, key=number, timeout=SOON)
    payments.capture(held.intent_id, key=f"{number}.capture", timeout=SOON)
    assert [entry["amount"] for entry in statement(standins, number)] == [3700]
