"""Turns what a client sent into a `ReturnWish`, with messages per field for what does not fit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from orders.errors import InvalidOrder
from orders.placing.validation import Faults, OrderedLine, is_plain_text, parse_lines, refuse_unknown

FIELDS = ("lines", "reason")


@dataclass(frozen=True, slots=True)
class ReturnWish:
    """A well-formed wish to return. Whether the order allows it is for `services.request_return` to find out."""

    lines: tuple[OrderedLine, ...]
    reason: str = ""
    """In the customer's words."""

    @property
    def pieces(self) -> Counter[str]:
        """SKU to quantity."""
        return Counter({line.sku: line.quantity for line in self.lines})


def parse_return(body: object) -> ReturnWish:
    """`body` is decoded JSON: {"lines": [{"sku", "quantity"}], "reason"}, of which the last may be left out. Raises
    InvalidOrder."""
    if not isinstance(body, dict):
        raise InvalidOrder({"body": ["Send a JSON object with lines."]})
    faults = Faults()
    refuse_unknown(body, FIELDS, "", faults)
    lines = parse_lines(body.get("lines"), faults)
    reason = body.get("reason", "")
    if not is_plain_text(reason):
        faults.add("reason", "Say why in plain text of up to 254 characters.")
    faults.raise_if_any()
    return ReturnWish(lines, str(reason).strip())
