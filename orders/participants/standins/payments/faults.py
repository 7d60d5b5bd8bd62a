"""What can go wrong at the card processor, beside what can go wrong at every company."""

from __future__ import annotations

from typing import ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models, transaction

from ..common.models import AbstractFault, Kind

UNCALLED: dict[str, dict[str, str]] = {
    "webhook": {
        "lose": "the event is never sent",
        "twice": "the event is sent twice",
        "slow": "the event is sent after `delay` seconds",
        "reorder": "the event is sent after the order's next one, or after `delay` seconds (30 when 0)",
        "forge": "the event comes with a wrong signature first, and with the right one when it is sent again",
    },
    "authorization": {"expire": "the bank lets the authorisation go before the capture"},
    "dispute": {
        "open": "the customer disputes the charge",
        "won": "the bank decides an open dispute for the shop",
        "lost": "the bank decides an open dispute for the customer",
    },
}
"""Operations of the processor's own, each with the faults that it knows."""


class Fault(AbstractFault):
    """`authorize` is another name for the operation `confirm`."""

    objects: ClassVar[models.Manager[Fault]]

    kind = models.CharField(
        max_length=12,
        choices=[
            *Kind.choices,
            *((kind, says) for known in UNCALLED.values() for kind, says in known.items() if kind not in Kind.values),
        ],
    )

    def clean(self) -> None:
        """Raises ValidationError for a kind that the operation does not know."""
        own = UNCALLED.get(self.operation)
        if self.kind not in (Kind.values if own is None else own):
            known = ", ".join(Kind.values if own is None else own)
            raise ValidationError(f"The operation {self.operation} knows the kinds {known}, not {self.kind}.")

    @classmethod
    def take(cls, operation: str, order: str) -> Self | None:
        found = super().take(operation, order)
        return super().take("authorize", order) if found is None and operation == "confirm" else found

    @classmethod
    def take_uncalled(cls, operation: str, kind: str, order: str) -> Fault | None:
        """The fault of this very operation and kind that hits the order. Nobody calls, so `*` hits nothing here."""
        with transaction.atomic(using="payments"):
            due = cls.objects.select_for_update().filter(operation=operation, kind=kind, order__in=[order, ""])
            fault = due.exclude(times=0).order_by("id").first()
            if fault is not None and fault.times is not None:
                fault.times -= 1
                fault.save(update_fields=["times"])
        return fault

    @classmethod
    def coming(cls, operation: str) -> list[str]:
        """The kinds of fault that the operation still has to expect."""
        due = cls.objects.filter(operation=operation).exclude(times=0).order_by("kind")
        return list(due.values_list("kind", flat=True).distinct())
