"""What every contender carries: an order that was placed, some 300 bytes of JSON. No imports of ours."""

from __future__ import annotations

STREAM = "bench"
"""The Redis stream that the relays write to; those that speak Celery use a queue of this name."""
TYPE = "bench.order_placed"
MODELS = 16
"""How many events a contender writes in its own way; the backlog is made of copies."""


def order(number: int) -> dict[str, str | int]:
    """The body of an event. All are of the same length."""
    return {
        "order_id": f"0192f3a0-5d1c-7c3e-9f00-{number % 10**12:012}",
        "customer": "Ada Lovelace",
        "email": "ada.lovelace@example.com",
        "address": "12 St James's Square, London SW1Y 4JH",
        "total": "149.90",
        "currency": "GBP",
        "items": 3,
        "note": "Leave it with the neighbour at number 14 when nobody is at home, please.",
    }
