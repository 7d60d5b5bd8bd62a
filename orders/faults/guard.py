"""Where faults may be made at all: on a developer's machine, and on staging where that is asked for."""

from __future__ import annotations

from django.conf import settings

from .errors import PanelOff

LIVE = ("sk_live_", "rk_live_")
OFF = "The fault panel is off here: it is for a developer's machine, and for staging with FAULT_PANEL=1."


def check() -> None:
    """Raises PanelOff where faults may not be made."""
    if reason := why_off():
        raise PanelOff(reason)


def why_off() -> str:
    """Why faults may not be made here, in a sentence; empty where they may."""
    if not settings.FAULT_PANEL:
        return OFF
    if live_key():
        return "The fault panel is refused: STRIPE_API_KEY is a live key, and real cards would be charged."
    if not settings.LOCAL and real_participants():
        return f"The fault panel is refused: {who_is_real()}."
    return ""


def live_key() -> bool:
    """Whether real cards are charged."""
    return settings.STRIPE_API_KEY.startswith(LIVE)


def real_participants() -> dict[str, str]:
    """The companies that are no stand-ins here, each with the address at which the shop reaches it."""
    addresses = {name: str(getattr(settings, setting)) for name, setting in settings.PARTICIPANTS.items()}
    inside = f"{settings.STANDINS_URL.rstrip('/')}/"
    return {name: address for name, address in addresses.items() if not address.startswith(inside)}


def who_is_real() -> str:
    """The real participants in a clause."""
    named = ", ".join(f"{name} ({address})" for name, address in real_participants().items())
    return f"not a stand-in at {settings.STANDINS_URL}: {named}"
