"""Turns what a client sent into a `PlaceTrip`, with messages per field for what does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from orders.errors import InvalidOrder
from orders.placing.validation import (
    Faults,
    is_plain_text,
    parse_currency,
    parse_email,
    parse_payment_method,
    parse_price,
    refuse_unknown,
)

FIELDS = ("email", "payment_method", "flight", "hotel", "nights", "total", "currency")
MOST_NIGHTS = 3


@dataclass(frozen=True, slots=True)
class PlaceTrip:
    """A well-formed wish. Whether its flight and hotel are on offer is for `services.place_trip` to find out."""

    email: str
    payment_method: str
    flight: str
    hotel: str
    nights: int
    total: Decimal | None = None
    """The price that the traveller was shown, if it is known: another one is not booked."""
    currency: str = ""
    """In which it was shown, if that is known."""


def parse_trip(body: object) -> PlaceTrip:
    """`body` is decoded JSON: {"email", "payment_method", "flight", "hotel", "nights", "total", "currency"}, of which
    the last two may be left out. Raises InvalidOrder."""
    if not isinstance(body, dict):
        raise InvalidOrder({"body": ["Send a JSON object with email, payment_method, flight, hotel and nights."]})
    faults = Faults()
    refuse_unknown(body, FIELDS, "", faults)
    wish = PlaceTrip(
        email=parse_email(body.get("email"), faults),
        payment_method=parse_payment_method(body.get("payment_method"), faults),
        flight=parse_code(body.get("flight"), "flight", faults),
        hotel=parse_code(body.get("hotel"), "hotel", faults),
        nights=parse_nights(body.get("nights"), faults),
        total=parse_price(body, "total", "total", faults),
        currency=parse_currency(body, faults),
    )
    faults.raise_if_any()
    return wish


def parse_code(value: object, field: str, faults: Faults) -> str:
    """The code of a flight or a hotel."""
    if is_plain_text(value) and 0 < len(value) <= 100:
        return value
    faults.add(field, f"Choose a {field}.")
    return ""


def parse_nights(value: object, faults: Faults) -> int:
    """True is an int in Python, but no number of nights."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_NIGHTS:
        return value
    faults.add("nights", f"Stay 1 to {MOST_NIGHTS} nights.")
    return 0
