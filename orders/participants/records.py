"""Where a participant shows to people what it knows of an order, a trip or a return."""

from __future__ import annotations

from urllib.parse import quote

from django.conf import settings

DASHBOARD = "https://dashboard.stripe.com"
TEST_KEYS = ("sk_test_", "rk_test_")


def url_of(participant: str, number: str) -> str:
    """The page about that number: as RECORD_URLS says, or Stripe's or the stand-in's own; "" where none is known."""
    template: str = settings.RECORD_URLS.get(participant, "") or _usual(participant)
    return template.replace("{number}", quote(number, safe=""))


def _usual(participant: str) -> str:
    api = str(getattr(settings, settings.PARTICIPANTS.get(participant, ""), ""))
    if api.startswith(settings.STANDINS_URL):
        return f"{settings.STANDINS_URL}/{participant}/_ledger?order={{number}}"
    if participant == "payments":
        mode = "/test" if settings.STRIPE_API_KEY.startswith(TEST_KEYS) else ""
        return f"{DASHBOARD}{mode}/search?query={{number}}"
    return ""
