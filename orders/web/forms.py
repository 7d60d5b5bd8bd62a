"""The checkout form: what a browser posts, turned into what `validation.parse_order` reads, and back onto the page."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.http import QueryDict
from django.utils import timezone

from .. import wording
from ..errors import OrderedAlready, PriceChanged
from ..models import Order, Product, pictures
from ..placing import payment_methods

TOKEN = re.compile(r"[0-9a-f]{32}")
QUANTITY = "quantity-"
PRICE = "price-"
CURRENCY = "currency-"
WAYS = {"saga": "by a saga", "choreography": "by events alone"}


def new_token() -> str:
    """The form's idempotency key: one page shown, one order at most."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Row:
    """A product on the page, with the quantity that stands in its field and what is wrong with it."""

    product: Product
    quantity: str = "0"
    error: str = ""
    was: Decimal | None = None
    """The price that the customer saw, when it is another one now."""

    @property
    def picture(self) -> str:
        """Where its picture is; empty when there is none to show."""
        return pictures.url_of(self.product.image)

    @property
    def total(self) -> Decimal:
        """What the row costs; nothing while its quantity is no number."""
        return self.product.price * int(self.quantity) if is_count(self.quantity) else Decimal(0)


@dataclass(frozen=True, slots=True)
class Way:
    """How an order can be carried."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Repeated:
    """What the page says of the same order of a moment ago."""

    ago: str
    count: int
    own: Order | None
    """It, when this very browser placed it; else nothing of it is shown."""


@dataclass(slots=True)
class CheckoutForm:
    """What the checkout page shows."""

    token: str = field(default_factory=new_token)
    email: str = ""
    payment_method: str = payment_methods.TEST_CARDS[0].payment_method
    coordination: str = ""
    """Locally a person may choose how the order is carried; "" leaves it to ORDERS_COORDINATION."""
    quantities: dict[str, str] = field(default_factory=dict)
    """SKU to what the customer typed; only rows that are not empty and not 0."""
    prices: dict[str, str] = field(default_factory=dict)
    """SKU to the price that stood on the page."""
    currencies: dict[str, str] = field(default_factory=dict)
    """SKU to the currency that stood on the page."""
    known_repeat: str = ""
    """The mark of the same orders of a moment ago that the customer was asked about; see `placing.duplicates`."""
    errors: dict[str, list[str]] = field(default_factory=dict)
    changed: PriceChanged | None = None
    """What has become dearer, or cheaper, since the customer looked."""
    repeated: Repeated | None = None
    """The question whether it is to be twice."""

    @classmethod
    def posted(cls, data: QueryDict) -> CheckoutForm:
        """The form as the browser sent it; a forged or missing token is replaced."""
        token = data.get("token", "")
        typed, prices = starting(data, QUANTITY), starting(data, PRICE)
        return cls(
            token=token if TOKEN.fullmatch(token) else new_token(),
            email=data.get("email", ""),
            payment_method=data.get("payment_method", ""),
            coordination=data.get("coordination", "") if settings.LOCAL else "",
            quantities={sku: quantity for sku, quantity in typed.items() if quantity not in {"", "0"}},
            prices=prices,
            currencies=starting(data, CURRENCY),
            known_repeat=data.get("repeat", ""),
        )

    def body(self) -> dict[str, object]:
        """The same as JSON clients send."""
        lines = [
            {"sku": sku, "quantity": int(quantity) if is_count(quantity) else quantity}
            | ({"unit_price": self.prices[sku]} if sku in self.prices else {})
            for sku, quantity in self.quantities.items()
        ]
        body: dict[str, object] = {"email": self.email, "payment_method": self.payment_method, "lines": lines}
        seen = {self.currencies[sku] for sku in self.quantities if sku in self.currencies}
        if len(seen) == 1:
            body |= {"currency": seen.pop()}
        return body | ({"coordination": self.coordination} if self.coordination else {})

    def rows(self) -> list[Row]:
        """The products, those on sale first."""
        positions = {sku: f"lines[{index}]" for index, sku in enumerate(self.quantities)}
        was = {change.sku: change.seen for change in self.changed.changes} if self.changed else {}
        products = sorted(Product.objects.all(), key=lambda product: product.available == 0)
        return [
            Row(
                product,
                self.quantities.get(product.sku, "0"),
                self._error(positions.get(product.sku, "")),
                was.get(product.sku),
            )
            for product in products
        ]

    def ask_about(self, found: OrderedAlready, latest: UUID | None) -> None:
        """Have the page ask whether it is to be twice. `latest`: the order that this browser placed last."""
        own = Order.objects.filter(pk=latest).first() if latest in found.orders else None
        self.known_repeat = found.mark
        self.repeated = Repeated(wording.ago(timezone.now() - found.latest), len(found.orders), own)

    def notes(self) -> list[str]:
        """The messages that have no field of their own on the page."""
        skus = list(Product.objects.values_list("sku", flat=True))
        placed = tuple(f"lines[{index}]." for index, sku in enumerate(self.quantities) if sku in skus)
        loose = (
            name for name in self.errors if name not in {"email", "payment_method"} and not name.startswith(placed)
        )
        return [message for name in loose for message in self.errors[name]]

    def cards(self) -> list[payment_methods.TestCard]:
        """The cards to choose from."""
        return payment_methods.offered()

    def coordinations(self) -> list[Way]:
        """The ways to carry the order that the page offers; none outside a developer's machine."""
        chosen = self.coordination or settings.ORDERS_COORDINATION
        return [Way(value, label, value == chosen) for value, label in WAYS.items()] if settings.LOCAL else []

    @property
    def button(self) -> str:
        """What pressing it does."""
        if self.repeated:
            return "Yes, order it again"
        return "Place order at the new price" if self.changed else "Place order"

    @property
    def total(self) -> str:
        """What the basket costs, for those without JavaScript; one sum for each currency."""
        rows = self.rows()
        chosen = [row for row in rows if row.total] or rows[:1]
        sums: dict[str, Decimal] = {}
        for row in chosen:
            sums[row.product.currency] = sums.get(row.product.currency, Decimal(0)) + row.total
        return " + ".join(f"{amount} {currency}" for currency, amount in sums.items()) or "0.00 EUR"

    def _error(self, where: str) -> str:
        """The first message about one line."""
        return next((m[0] for name, m in self.errors.items() if where and name.startswith(f"{where}.")), "")


def starting(data: QueryDict, prefix: str) -> dict[str, str]:
    """The fields whose names begin so: SKU to what stands there."""
    return {name.removeprefix(prefix): data.get(name, "").strip() for name in data if name.startswith(prefix)}


def is_count(text: str) -> bool:
    """A small whole number in plain digits."""
    return text.isascii() and text.isdigit() and len(text) <= 6


def versions(data: QueryDict) -> frozenset[int] | None:
    """The version that a cancel form carries; None, for any, when it carries none, and no version for no number."""
    seen = data.get("version")
    if seen is None:
        return None
    return frozenset({int(seen)} if is_count(seen) else ())
