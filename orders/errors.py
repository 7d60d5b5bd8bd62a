"""What can go wrong in the shop, each class saying what happens next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from outbox.picklable import PicklableError


class OrderError(PicklableError):
    """The shop cannot do as asked."""


class InvalidOrder(OrderError):
    """The request cannot become an order; `errors` holds messages per field, for the person who sent it."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{field}: {' '.join(messages)}" for field, messages in errors.items()))
        self.errors = errors


class KeyReused(OrderError):
    """This Idempotency-Key belongs to another request. Send the same body again, or use a new key."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class KeyInUse(OrderError):
    """The first request with this Idempotency-Key is still under way. Send this one again in a moment."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class NotFound(OrderError):
    """There is none of that id; `thing` is what was looked for, such as order."""

    def __init__(self, thing: str) -> None:
        super().__init__(f"There is no such {thing}.")
        self.thing = thing


class MalformedCondition(OrderError):
    """A header field is not what RFC 9110 calls a list of entity tags; `field` is its name."""

    def __init__(self, field: str) -> None:
        super().__init__(f'Send {field}: * or entity tags such as {field}: "7-0123456789abcdef", quotes included.')
        self.field = field


class OrderChanged(OrderError):
    """Somebody else changed the order, trip or return in the meantime; read it again and decide anew."""

    def __init__(self, number: str, thing: str = "order") -> None:
        name = f"{thing.capitalize()} {number}"
        super().__init__(f"{name} was changed by somebody else in the meantime; read it again and decide anew.")
        self.number = number
        self.thing = thing


class ProductChanged(OrderError):
    """Somebody else changed the product in the meantime; read it again and decide anew."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} was changed by somebody else in the meantime; read it again and decide anew.")
        self.name = name


class UnexpectedStatus(OrderError):
    """The order's status does not allow this change: two parts of the program disagree, and a person must look."""

    def __init__(self, number: str, status: str, wanted: str) -> None:
        super().__init__(f"Order {number} is {status}; it cannot become {wanted}.")
        self.number = number
        self.status = status
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class PriceChange:
    """A line whose price the customer saw is not today's. Prices are of one piece."""

    index: int
    """Of the line in the request."""
    sku: str
    name: str
    seen: Decimal
    now: Decimal
    currency: str
    seen_currency: str


class PriceChanged(OrderError):
    """Prices are not what the customer saw; nothing was ordered. Show both, and ask again."""

    def __init__(
        self,
        changes: tuple[PriceChange, ...],
        total_seen: Decimal,
        total: Decimal,
        currency: str,
        seen_currency: str = "",
    ) -> None:
        seen = f"{total_seen} {seen_currency}" if seen_currency not in ("", currency) else total_seen
        super().__init__(f"The order costs {total} {currency} now, not {seen}. Nothing was ordered.")
        self.seen_currency = seen_currency or currency
        self.changes = changes
        self.total_seen = total_seen
        self.total = total
        self.currency = currency


class OrderedAlready(OrderError):
    """The same was ordered with the same address a short while ago, so that nothing was ordered now. Ask whether it is
    to be twice; `mark` is then the answer that says yes to these very orders."""

    def __init__(self, orders: tuple[UUID, ...], latest: datetime, mark: str) -> None:
        super().__init__(self.__doc__)
        self.orders = orders
        self.latest = latest
        self.mark = mark
