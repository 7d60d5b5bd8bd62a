"""Our books against theirs: what an order's status promises, and what the three participants' ledgers say was done."""

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
        ("payments", "refunded"): 0,
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
"""How often each effect stands in the ledgers, by the order's final status."""

UNDONE = {"reserved": ("released", "expired"), "booked": ("cancelled",)}
"""For an order that was undone: each effect on the left has one on the right, of either kind."""


@dataclass(frozen=True, slots=True)
class Ledgers:
    """The ledgers of one order."""

    order: str
    effects: Counter[tuple[str, str]]
    captured: int
    """The amount the card was charged, in minor units."""
    held: int
    """The amount the bank still holds, in minor units: neither charged nor let go."""

    def differences(self, status: str, amount: int) -> list[str]:
        """What does not fit the order's status and amount, in sentences; empty when the books agree."""
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
        return found + (self._left_over() if status == "cancelled" else [])

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
    """Ask the stand-ins at `standins` what they did for an order number. Raises requests.RequestException."""
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
    return Ledgers(order, effects, captured, held=amounts["authorized"] - amounts["canceled"] - captured)
