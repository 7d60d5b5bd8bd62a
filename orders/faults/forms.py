"""What the page's forms post."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from django.http import QueryDict

from .client import ALL, Fault, Wish
from .errors import NoSuchFault
from .switches import BY_NAME, set_fault, turn

LONGEST = 100  # characters of an order's number
LATE = {"slow": 10, "reorder": 30}
"""Seconds, for what a company does late by itself: the page has no field for them, and 0 would change nothing."""


@dataclass(frozen=True, slots=True)
class SwitchForm:
    """A switch was pressed. Its value is a switch's name, or `<operation>:<kind>` for what a company does by itself."""

    company: str
    pressed: str
    operation: str
    order: str
    minutes: float | None
    by: str

    @classmethod
    def posted(cls, data: QueryDict, by: str) -> SwitchForm:
        """Raises NoSuchFault for an order's number or minutes that cannot be any."""
        order = data.get("order", "").strip()
        if len(order) > LONGEST or not order.isprintable():
            raise NoSuchFault(f"An order's number has at most {LONGEST} visible characters.")
        operation = data.get("operation") or ALL
        pressed = data.get("switch", "")
        return cls(data.get("company", ""), pressed, operation, order, minutes(data.get("minutes", "")), by)

    def apply(self) -> Fault:
        """Raises FaultsError, and has then done nothing."""
        wish = Wish("", operation=self.operation, order=self.order, minutes=self.minutes, set_by=self.by)
        if self.pressed in BY_NAME:
            return turn(self.company, BY_NAME[self.pressed], wish)
        operation, colon, kind = self.pressed.partition(":")
        if not colon:
            raise NoSuchFault(f"There is no switch {self.pressed!r}. There are: {', '.join(BY_NAME)}.")
        return set_fault(self.company, replace(wish, kind=kind, operation=operation, delay=LATE.get(kind, 0)))


def minutes(text: str) -> float | None:
    """How long, None for until cleared. Raises NoSuchFault."""
    try:
        number = float(text or 0)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise NoSuchFault(f"{text!r} is no number of minutes; 0 is until cleared.")
    return number or None
