"""The return form: what a browser posts, turned into what `validation.parse_return` reads, and back onto the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from django.http import QueryDict

from orders.models import Order, OrderLine
from orders.web.forms import QUANTITY, TOKEN, is_count, new_token

from .returnable import left_of


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the order on the page, with the quantity in its field and what is wrong with it."""

    line: OrderLine
    left: int
    quantity: str = "0"
    error: str = ""


@dataclass(slots=True)
class ReturnForm:
    """What the return page shows."""

    order: Order
    token: str = field(default_factory=new_token)
    reason: str = ""
    quantities: dict[str, str] = field(default_factory=dict)
    """SKU to what the customer typed; only lines that are not empty and not 0."""
    errors: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def posted(cls, order: Order, data: QueryDict) -> ReturnForm:
        """The form as the browser sent it; a forged or missing token is replaced."""
        token = data.get("token", "")
        typed = {name.removeprefix(QUANTITY): data.get(name, "").strip() for name in data if name.startswith(QUANTITY)}
        return cls(
            order=order,
            token=token if TOKEN.fullmatch(token) else new_token(),
            reason=data.get("reason", "").strip(),
            quantities={sku: quantity for sku, quantity in typed.items() if quantity not in {"", "0"}},
        )

    def body(self) -> dict[str, object]:
        """The same as JSON clients send."""
        lines = [
            {"sku": sku, "quantity": int(quantity) if is_count(quantity) else quantity}
            for sku, quantity in self.quantities.items()
        ]
        return {"lines": lines, "reason": self.reason}

    def rows(self) -> list[Row]:
        """The order's lines."""
        return [
            Row(one.line, one.quantity, self.quantities.get(one.line.sku, "0"), self._error(one.line.sku))
            for one in left_of(self.order)
        ]

    def notes(self) -> list[str]:
        """The messages that have no field of their own on the page."""
        placed = {where for row in self.rows() for where in self._where(row.line.sku)}
        loose = (name for name in self.errors if name not in placed and name != "reason")
        return [message for name in loose for message in self.errors[name]]

    @property
    def total(self) -> Decimal:
        """What comes back, for those without JavaScript."""
        counted = (row for row in self.rows() if is_count(row.quantity))
        return sum((row.line.unit_price * int(row.quantity) for row in counted), Decimal(0))

    def _error(self, sku: str) -> str:
        return next((self.errors[name][0] for name in self._where(sku) if name in self.errors), "")

    def _where(self, sku: str) -> list[str]:
        """Under which names messages about one line come."""
        position = list(self.quantities).index(sku) if sku in self.quantities else -1
        return [f"lines.{sku}", f"lines[{position}].quantity", f"lines[{position}].sku"]
