"""What goes wrong at the card processor: `operations.py` says what can."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from ...common.models import AbstractFault


class Fault(AbstractFault):
    """Beside calls, it has faults of what it does by itself: events, expiries, disputes."""

    objects: ClassVar[models.Manager[Fault]]

    @classmethod
    def coming(cls, operation: str) -> list[str]:
        """The kinds of fault that the operation still has to expect."""
        return sorted(set(cls.active().filter(operation=operation).values_list("kind", flat=True)))
