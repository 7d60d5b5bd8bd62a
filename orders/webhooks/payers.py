"""What a report can be about: an order, and what else is paid by card. The rooms above this one add theirs."""

from __future__ import annotations

from typing import Any, Protocol

from orders.models import Order


class Payer(Protocol):
    """A row that has a payment at the card processor."""

    number: str
    """Ours, which stands on the payment."""
    payment_intent: str

    @property
    def saga_key(self) -> str:
        """The key of its events."""


_models: list[Any] = [Order]


def pays_by_card(model: Any) -> None:
    """Have reports looked up among the rows of the model as well; each is a `Payer`."""
    if model not in _models:
        _models.append(model)


def payer(field: str, value: str) -> Payer | None:
    """The row whose `field`, number or payment_intent, has the value."""
    found = (model.objects.filter(**{field: value}).first() for model in _models)
    return next((row for row in found if row is not None), None)
