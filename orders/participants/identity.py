"""Whose payment it is: one account of the card processor may serve several shops, and all number from S-100001.

Ours is a payment whose id we keep, or one that carries our own identity and the number. What was written before there
was an identity carries none: it is ours by its id alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import stripe
from django.conf import settings

LONGEST = 500  # characters of a value: https://docs.stripe.com/api/metadata


@dataclass(frozen=True, slots=True)
class Owner:
    """What an order or a trip knows of its payment."""

    number: str
    payment_intent: str
    """"" while the shop has not heard which it is."""
    amount: int
    """In minor units of the currency."""
    currency: str

    def owns(self, intent: stripe.PaymentIntent) -> bool:
        """Whether this is its payment: by id, or by our identity and its number; of its amount and currency."""
        named = by_us(intent.metadata) and order_of(intent.metadata) == self.number
        same = (intent.amount, intent.currency.upper()) == (self.amount, self.currency)
        return same and (intent.id == self.payment_intent or named)


def shop() -> str:
    """Our own identity, as it stands on every payment that we make: SHOP_ID, or where the shop is found."""
    return (settings.SHOP_ID or urlsplit(settings.SITE_URL).netloc or "settle")[:LONGEST]


def signed(metadata: dict[str, str]) -> dict[str, str]:
    """The metadata with our identity."""
    return {**metadata, "shop": shop()}


def by_us(metadata: Any) -> bool:
    """Whether our identity stands on it."""
    return _of(metadata, "shop") == shop()


def order_of(metadata: Any) -> str:
    """The number that stands on it, "" without one."""
    return _of(metadata, "order")


def _of(metadata: Any, name: str) -> str:
    return str(metadata[name]) if metadata and name in metadata else ""
