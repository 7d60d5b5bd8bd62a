"""The trip form: what a browser posts, turned into what `validation.parse_trip` reads, and back onto the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from django.http import QueryDict

from orders.placing import payment_methods
from orders.placing.validation import PRICE
from orders.web.forms import CURRENCY, TOKEN, is_count, new_token, starting

from . import offers
from .models import FlightOffer, HotelOffer
from .offers import Destination
from .validation import MOST_NIGHTS

SHOWN = "price-"


@dataclass(frozen=True, slots=True)
class Night:
    """A night of the stay, and how many rooms a hotel last had in it."""

    day: date
    left: int


@dataclass(frozen=True, slots=True)
class FlightRow:
    """A flight on the page."""

    offer: FlightOffer
    chosen: bool


@dataclass(frozen=True, slots=True)
class HotelRow:
    """A hotel on the page."""

    offer: HotelOffer
    nights: list[Night]
    chosen: bool

    @property
    def is_full(self) -> bool:
        """Whether it last had no room in any of the nights."""
        return not any(night.left for night in self.nights)


@dataclass(slots=True)
class TripForm:
    """What the trips page shows."""

    to: Destination | None = None
    token: str = field(default_factory=new_token)
    email: str = ""
    payment_method: str = payment_methods.TEST_CARDS[0].payment_method
    flight: str = ""
    hotel: str = ""
    nights: str = "2"
    shown: dict[str, str] = field(default_factory=dict)
    """Code to the price at which the page offered it."""
    currencies: dict[str, str] = field(default_factory=dict)
    """A flight's code to the currency in which the page offered it."""
    errors: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def posted(cls, data: QueryDict) -> TripForm:
        """The form as the browser sent it; a forged or missing token is replaced."""
        token = data.get("token", "")
        return cls(
            to=destination(data),
            token=token if TOKEN.fullmatch(token) else new_token(),
            email=data.get("email", ""),
            payment_method=data.get("payment_method", ""),
            flight=data.get("flight", ""),
            hotel=data.get("hotel", ""),
            nights=data.get("nights", "").strip(),
            shown=starting(data, SHOWN),
            currencies=starting(data, CURRENCY),
        )

    def body(self) -> dict[str, object]:
        """The same as JSON clients send."""
        body: dict[str, object] = {
            "email": self.email,
            "payment_method": self.payment_method,
            "flight": self.flight,
            "hotel": self.hotel,
            "nights": int(self.nights) if is_count(self.nights) else self.nights,
        }
        total, currency = self._total_shown(), self.currencies.get(self.flight)
        seen = {"total": total, "currency": currency}
        return body | {name: value for name, value in seen.items() if value is not None}

    def flights(self) -> list[FlightRow]:
        """The flights to choose from; the first is chosen unless the traveller chose one."""
        found = offers.flights_to(self.to) if self.to else []
        chosen = self.flight or next((offer.code for offer in found), "")
        return [FlightRow(offer, offer.code == chosen) for offer in found]

    def hotels(self) -> list[HotelRow]:
        """The hotels to choose from, full ones too: somebody may have given a room back."""
        if self.to is None:
            return []
        days = [self.to.departs + timedelta(days=day) for day in range(MOST_NIGHTS)]
        found = offers.hotels_in(self.to)
        chosen = self.hotel or next((offer.code for offer in found), "")
        return [
            HotelRow(offer, [Night(day, offer.left_on(day)) for day in days], offer.code == chosen) for offer in found
        ]

    def notes(self) -> list[str]:
        """The messages that have no field of their own on the page."""
        placed = {"email", "payment_method", "flight", "hotel", "nights"}
        return [message for name in self.errors if name not in placed for message in self.errors[name]]

    def cards(self) -> list[payment_methods.TestCard]:
        """The cards to choose from; without the one whose refunds fail, since nothing of a trip is ever given back."""
        return [card for card in payment_methods.offered() if card.payment_method != payment_methods.REFUND_FAILS]

    def stays(self) -> list[str]:
        """How many nights one can stay."""
        return [str(nights) for nights in range(1, MOST_NIGHTS + 1)]

    def _total_shown(self) -> str | None:
        """What the trip comes to at the prices on the page, or the price that is none; None when the page did not say.

        A price is read as `validation` reads it: Decimal alone takes NaN, and sums that no memory holds.
        """
        seen = [self.shown[code] for code in (self.flight, self.hotel) if code in self.shown]
        if len(seen) < 2 or not is_count(self.nights):
            return None
        wrong = next((price for price in seen if not PRICE.fullmatch(price)), None)
        return str(Decimal(seen[0]) + int(self.nights) * Decimal(seen[1])) if wrong is None else wrong


def parse_destination(data: QueryDict) -> Destination | None:
    """Where the page's form goes; None when it does not say, or not in a way that makes sense."""
    try:
        return Destination(data.get("city", ""), date.fromisoformat(data.get("departs", "")))
    except ValueError:
        return None


def destination(data: QueryDict) -> Destination | None:
    """The destination that the address names, if a flight goes there; else the first; None when none goes anywhere."""
    wished, found = parse_destination(data), offers.destinations()
    return wished if wished in found else next(iter(found), None)
