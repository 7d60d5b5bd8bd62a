"""Several shops on one account of the card processor, all of which number from S-100001: each sees its own payments."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import stripe
from django.core.checks import run_checks

from orders.participants import identity, intents, payments, refunding
from orders.participants.http import TimeLeft
from sagas.errors import Refused
from tests.support.standins import Standins

from .order_payment import IN_TIME, Paying


def written(order: Paying, intent_id: str) -> dict[str, str]:
    """What stands on the payment at the processor."""
    metadata = intents.retrieve(intent_id, TimeLeft.of(IN_TIME)).metadata
    return metadata.to_dict() if metadata else {}


def test_every_payment_and_refund_carries_our_identity(standins: Standins, settings: Any) -> None:
    settings.SHOP_ID = "north"
    order = Paying(standins, "pm_card_authorizationExpires")
    first = order.authorize().intent_id
    charged = order.capture(first)
    for intent_id in (first, charged.intent_id):
        assert written(order, intent_id)["shop"] == "north"
    given = refunding.refund(charged.intent_id, key=f"{order.number}:refund", timeout=IN_TIME)
    api = stripe.StripeClient(settings.STRIPE_API_KEY, base_addresses={"api": settings.STRIPE_API_BASE}).v1
    made = api.refunds.retrieve(given.refund_id).metadata
    assert made is not None
    assert made.to_dict() == {"key": f"{order.number}:refund", "shop": "north"}


@pytest.mark.parametrize(
    ("shop", "order", "intent", "amount", "currency", "ours"),
    [
        ("north", "S-1", "pi_2", 4200, "eur", True),
        ("", "S-1", "pi_1", 4200, "eur", True),  # written before there was an identity
        ("", "S-1", "pi_2", 4200, "eur", False),
        ("south", "S-1", "pi_2", 4200, "eur", False),
        ("north", "S-2", "pi_2", 4200, "eur", False),
        ("north", "S-1", "pi_2", 4300, "eur", False),
        ("north", "S-1", "pi_2", 4200, "usd", False),
    ],
)
def test_a_payment_is_ours_by_its_id_or_by_identity_and_number(
    settings: Any, shop: str, order: str, intent: str, amount: int, currency: str, ours: bool
) -> None:
    settings.SHOP_ID = "north"
    metadata = {"order": order, **({"shop": shop} if shop else {})}
    found: Any = SimpleNamespace(id=intent, amount=amount, currency=currency, metadata=metadata)
    assert identity.Owner("S-1", "pi_1", 4200, "EUR").owns(found) == ours


def test_a_foreign_payment_tells_nothing_of_our_order(standins: Standins, settings: Any) -> None:
    settings.SHOP_ID = "south"
    theirs = Paying(standins).authorize().intent_id
    settings.SHOP_ID = "north"
    whose = payments.Owner("S-100001", "pi_ours", 4200, "EUR")
    assert payments.state_of(theirs, whose=whose, timeout=IN_TIME) == ""


def test_a_key_finds_no_payment_of_another_amount_or_currency(standins: Standins) -> None:
    order = Paying(standins)
    held = order.authorize().intent_id
    since, left = datetime.now(UTC) - timedelta(minutes=5), TimeLeft.of(IN_TIME)
    assert intents.made_under(order.number, order.wish, since, left) == held
    for other in (replace(order.wish, amount=4300), replace(order.wish, currency="USD")):
        assert intents.made_under(order.number, other, since, left) == ""


@pytest.mark.parametrize("earlier", ["none", "another"])
def test_what_was_begun_under_another_identity_or_none_goes_on(
    standins: Standins, settings: Any, monkeypatch: pytest.MonkeyPatch, earlier: str
) -> None:
    """An order is on its way while the shop gets its name: the bank knows its key with other words."""
    order = Paying(standins)
    with monkeypatch.context() as before:
        if earlier == "none":
            before.setattr(identity, "signed", lambda metadata: metadata)
        settings.SHOP_ID = "once"
        held = order.authorize()
        charged = order.capture(held.intent_id)
        given = refunding.refund(charged.intent_id, key=f"{order.number}:refund", timeout=IN_TIME)
    settings.SHOP_ID = "north"
    assert order.authorize() == held
    assert refunding.refund(charged.intent_id, key=f"{order.number}:refund", timeout=IN_TIME) == given
    with pytest.raises(Refused, match="refund"):
        order.void()
    assert order.did() == ["authorized", "captured", "refunded"]


def test_a_shop_that_was_given_no_name_has_its_address_and_is_told_where_real_cards_are_charged(settings: Any) -> None:
    settings.SHOP_ID, settings.SITE_URL = "", "https://shop.example:8443"
    assert identity.shop() == "shop.example:8443"
    settings.STRIPE_API_KEY = "sk_live_1"
    assert told() == ["orders.W003"]
    settings.SHOP_ID = "north"
    assert told() == []


def told() -> list[str]:
    found = run_checks(tags=["orders"], include_deployment_checks=True)
    return [str(one.id) for one in found if one.id == "orders.W003"]
