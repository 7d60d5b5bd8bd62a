"""Turns what a client sent into a `PlaceOrder`, with messages per field for what does not fit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeGuard

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from ..errors import InvalidOrder
from ..money import CURRENCIES
from . import payment_methods

FIELDS = ("email", "payment_method", "lines", "coordination", "total", "currency")
COORDINATIONS = ("saga", "choreography")
LINE_FIELDS = ("sku", "quantity", "unit_price")
PRICE = re.compile(r"[0-9]{1,10}(\.[0-9]{1,3})?")
MOST_LINES = 100
MOST_PIECES = 99
LONGEST_TEXT = 254
MOST_FAULTS = 20


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """So many pieces of a product."""

    sku: str
    quantity: int
    unit_price: Decimal | None = None
    """The price of one piece that the customer saw; None: whatever it costs."""


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """A well-formed wish to order. Whether its products exist is for `place.place_order` to find out."""

    email: str
    payment_method: str
    lines: tuple[OrderedLine, ...]
    coordination: str = ""
    """How the order is to be carried, one of COORDINATIONS; "" leaves it to ORDERS_COORDINATION."""
    total: Decimal | None = None
    """The sum that the customer saw; None: whatever it costs."""
    currency: str = ""
    """In which the customer saw the prices; "": whichever it is."""


class Faults:
    """Collects messages per field and raises them together: the first MOST_FAULTS, since an answer must not be many
    times as long as what was sent."""

    def __init__(self) -> None:
        self.messages: dict[str, list[str]] = {}
        self.count = 0

    def add(self, field: str, message: str) -> None:
        """Note one message."""
        self.count += 1
        if self.count <= MOST_FAULTS:
            self.messages.setdefault(field, []).append(message)

    def raise_if_any(self) -> None:
        """InvalidOrder when there was at least one."""
        if self.count > MOST_FAULTS:
            more = f"{self.count - MOST_FAULTS} more faults are not listed. Mend these first."
            self.messages.setdefault("body", []).append(more)
        if self.messages:
            raise InvalidOrder(self.messages)


def parse_order(body: object) -> PlaceOrder:
    """`body` is decoded JSON: {"email", "payment_method", "lines": [{"sku", "quantity", "unit_price"}], "coordination",
    "total", "currency"}, of which unit_price and all from coordination on may be left out. Raises InvalidOrder."""
    if not isinstance(body, dict):
        raise InvalidOrder({"body": ["Send a JSON object with email, payment_method and lines."]})
    faults = Faults()
    refuse_unknown(body, FIELDS, "", faults)
    email = parse_email(body.get("email"), faults)
    payment_method = parse_payment_method(body.get("payment_method"), faults)
    lines = parse_lines(body.get("lines"), faults)
    coordination = parse_coordination(body, faults)
    total = parse_price(body, "total", "total", faults)
    currency = parse_currency(body, faults)
    faults.raise_if_any()
    return PlaceOrder(email, payment_method, lines, coordination, total, currency)


def parse_email(value: object, faults: Faults) -> str:
    """An e-mail address, stripped of the blanks around it."""
    if value is None or value == "":
        faults.add("email", "Enter your e-mail address.")
        return ""
    email = value.strip() if is_plain_text(value) else ""
    try:
        validate_email(email)
    except ValidationError:
        faults.add("email", "Enter an e-mail address such as ann@example.com.")
    return email


def parse_payment_method(value: object, faults: Faults) -> str:
    """A payment method that the shop takes."""
    if value is None or value == "":
        faults.add("payment_method", "Choose a payment method.")
    elif not is_plain_text(value) or not payment_methods.is_accepted(value):
        faults.add("payment_method", "We do not know this payment method.")
    else:
        return value
    return ""


def parse_coordination(body: dict[str, object], faults: Faults) -> str:
    """How the order is to be carried; "" when that is left to the shop."""
    value = body.get("coordination", "")
    if "coordination" not in body or (isinstance(value, str) and value in COORDINATIONS):
        return str(value)
    faults.add("coordination", f"Choose {' or '.join(COORDINATIONS)}, or leave it out.")
    return ""


def parse_lines(value: object, faults: Faults) -> tuple[OrderedLine, ...]:
    """One line a product, 1 to 99 pieces each."""
    if not isinstance(value, list) or not value:
        faults.add("lines", "Choose at least one product.")
        return ()
    if len(value) > MOST_LINES:
        faults.add("lines", f"An order has at most {MOST_LINES} lines.")
        return ()
    lines = tuple(parse_line(line, f"lines[{index}]", faults) for index, line in enumerate(value))
    skus = [line.sku for line in lines if line.sku]
    for sku in sorted({sku for sku in skus if skus.count(sku) > 1}):
        faults.add("lines", f"{sku} stands in more than one line; give one line with the sum.")
    return lines


def parse_line(value: object, where: str, faults: Faults) -> OrderedLine:
    """One line; `where` names it in messages."""
    if not isinstance(value, dict):
        faults.add(where, "A line is an object with sku and quantity.")
        return OrderedLine("", 0)
    refuse_unknown(value, LINE_FIELDS, f"{where}.", faults)
    sku, quantity = value.get("sku"), value.get("quantity")
    if not is_plain_text(sku) or not sku or len(sku) > 64:
        faults.add(f"{where}.sku", "Give the SKU of a product.")
        sku = ""
    if not is_quantity(quantity):
        faults.add(f"{where}.quantity", f"Give a whole number from 1 to {MOST_PIECES}.")
        quantity = 0
    return OrderedLine(sku, quantity, parse_price(value, "unit_price", f"{where}.unit_price", faults))


def parse_price(body: dict[str, object], name: str, where: str, faults: Faults) -> Decimal | None:
    """A price as the shop writes it; None when it is left out. In text, since 18.10 is no number that JSON keeps."""
    value = body.get(name)
    if name not in body:
        return None
    if isinstance(value, str) and PRICE.fullmatch(value):
        return Decimal(value)
    faults.add(where, 'Give the price that you saw as text, such as "18.50", or leave it out.')
    return None


def parse_currency(body: dict[str, object], faults: Faults) -> str:
    """The currency that the customer saw; "" when it is left out."""
    value = body.get("currency", "")
    if "currency" not in body or (isinstance(value, str) and value in CURRENCIES):
        return str(value)
    faults.add("currency", 'Give the currency that you saw, such as "EUR", or leave it out.')
    return ""


def refuse_unknown(body: dict[str, object], known: tuple[str, ...], prefix: str, faults: Faults) -> None:
    """A misspelt field is an error, not silence."""
    for name in sorted(set(body) - set(known)):
        shown = name[:40].encode("ascii", "backslashreplace").decode()
        faults.add(f"{prefix}{shown}", f"Unknown field; known are {', '.join(known)}.")


def is_plain_text(value: object) -> TypeGuard[str]:
    """Text that the database can keep: no control characters, no halves of surrogate pairs, not endless."""
    return isinstance(value, str) and len(value) <= LONGEST_TEXT and value.isprintable()


def is_quantity(value: object) -> TypeGuard[int]:
    """True is an int in Python, but no quantity."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_PIECES
