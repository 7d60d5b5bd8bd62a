"""What `check --deploy` says of a fault panel that is on where it must not be."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from . import guard

HINT = "Take FAULT_PANEL=1 out of the environment; it is for staging, where every participant is a stand-in."


@register("orders", deploy=True)
def check_fault_panel(**_: Any) -> list[CheckMessage]:
    """It is off wherever real cards are charged or real companies are asked."""
    if not settings.FAULT_PANEL:
        return []
    found: list[CheckMessage] = []
    if guard.live_key():
        found.append(Error("The fault panel is on together with a live Stripe key.", hint=HINT, id="orders.E001"))
    if guard.real_participants():
        text = f"The fault panel is on, and these are real: {guard.who_is_real()}."
        found.append(Error(text, hint=HINT, id="orders.E002"))
    return found
