"""Ids in Stripe's form: `pi_3Qx…`."""

from __future__ import annotations

import secrets
import string

LETTERS = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    return f"{prefix}_{''.join(secrets.choice(LETTERS) for _ in range(length))}"


def new_intent_id() -> str:
    return new_id("pi")


def new_charge_id() -> str:
    return new_id("ch")


def new_refund_id() -> str:
    return new_id("re")


def new_dispute_id() -> str:
    return new_id("du")


def new_event_id() -> str:
    return new_id("evt")


def new_endpoint_id() -> str:
    return new_id("we")
