"""Compares an order's status with the ledgers of the three participants, which record what was really done."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import requests

PARTICIPANTS = ("payments", "warehouse", "carrier")
SECONDS = 10

SETTLED = {
    "confirmed": {
        ("payments", "captured"): 1,
        ("warehouse", "committed"): 1,
        ("warehouse", "released"): 0,
        ("carrier", "dispatched"): 1,
        ("carrier", "cancelled"): 0,
    },
    "cancelled": {
        ("payments", "captured"): 0,
        ("warehouse", "committed"): 0,
        ("carrier", "dispatched"): 0,
    },
}
"""How many entries of each effect the ledgers must have, by the order's final status."""

UNDONE = {"reserved": ("released", "expired"), "booked": ("cancelled",)}
"""For an order that was undone: each effect on the left must have one of those on the right."""


@dataclass(frozen=True, slots=True)
class Ledgers:
    """The ledgers of one order."""

    order: str
    effects: Counter[tuple[str, str]]
    captured: int
    """The amount the card was charged, in minor units."""
    held: int = 0
    """The amount that the bank still holds, in minor units: neither charged nor released."""
    refunded: int = 0
    """The amount of all refunds that did not fail, in minor units."""

    def differences(self, status: str, amount: int, *, refunded: int = 0) -> list[str]:
        """Each contradiction to the order's status and amount, as a sentence; empty when all agree.

        `refunded` is the amount that the shop says it refunded through the bank, in minor units.
        """
        found = [
            f"{self.order} is {status}, but by {who}'s ledger {effect} {self.effects[who, effect]} times, not {times}"
            for (who, effect), times in SETTLED.get(status, {}).items()
            if self.effects[who, effect] != times
        ]
        if status not in SETTLED:
            found.append(f"{self.order} is {status}: not settled")
        if status == "confirmed" and self.captured != amount:
            found.append(f"{self.order} comes to {amount}, and the card was charged {self.captured}")
        if status in SETTLED and self.held:
            found.append(f"{self.order}: the bank still holds {self.held}")
        if self.refunded != refunded:
            found.append(f"{self.order}: {refunded} was to be given back, and the bank gave back {self.refunded}")
        if self.effects["payments", "refunded"] > self.returned:
            found.append(f"{self.order} was refunded more often than goods of it came back")
        return found + (self._left_over() if status == "cancelled" else [])

    @property
    def returned(self) -> int:
        """The number of returns that the warehouse has taken and not undone."""
        return self.effects["warehouse", "restocked"] - self.effects["warehouse", "unrestocked"]

    def _left_over(self) -> list[str]:
        counts: Counter[str] = Counter()
        for (_, effect), times in self.effects.items():
            counts[effect] += times
        return [
            f"{self.order} was {done} {counts[done]} times and {' or '.join(undone)} {self._undone(done)} times"
            for done, undone in UNDONE.items()
            if counts[done] != self._undone(done)
        ]

    def _undone(self, done: str) -> int:
        who = "warehouse" if done == "reserved" else "carrier"
        return sum(self.effects[who, undone] for undone in UNDONE[done])


def ledgers_of(standins: str, order: str) -> Ledgers:
    """Read an order's ledgers from the stand-ins at the URL `standins`. Raises requests.RequestException."""
    effects: Counter[tuple[str, str]] = Counter()
    amounts: Counter[str] = Counter()
    for participant in PARTICIPANTS:
        answer = requests.get(f"{standins}/{participant}/_ledger", params={"order": order}, timeout=SECONDS)
        answer.raise_for_status()
        entries: list[dict[str, Any]] = answer.json()["results"]
        for entry in entries:
            effects[participant, entry["operation"]] += 1
            if participant == "payments":
                amounts[entry["operation"]] += entry["amount"]
    captured = amounts["captured"]
    return Ledgers(
        order,
        effects,
        captured,
        held=amounts["authorized"] - amounts["canceled"] - captured,
        refunded=amounts["refunded"] - amounts["refund_failed"],
    )
