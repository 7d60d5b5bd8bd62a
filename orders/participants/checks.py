"""What `check --deploy` says of a shop that has no identity of its own at the card processor."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register

from .identity import shop

LIVE = ("sk_live_", "rk_live_")


@register("orders", deploy=True)
def check_identity(**_: Any) -> list[CheckMessage]:
    """Where real cards are charged, the name on each payment is chosen, and stays when the address changes."""
    if settings.SHOP_ID or not settings.STRIPE_API_KEY.startswith(LIVE):
        return []
    text = f"SHOP_ID is not set: payments carry the site's address, {shop()}, as the shop's identity."
    hint = "Set SHOP_ID to a name that no other shop on this Stripe account has, and leave it so when the site moves."
    return [Warning(text, hint=hint, id="orders.W003")]
