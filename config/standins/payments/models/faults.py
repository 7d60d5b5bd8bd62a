"""The card processor's faults; `operations.py` lists what they can hit."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from ...common.models import AbstractFault


class Fault(AbstractFault):
    """A fault of a call, or of a background job: events, expiries, disputes."""

    objects: ClassVar[models.Manager[Fault]]

    @classmethod
    def coming(cls, operation: str) -> list[str]:
        """The kinds of the operation's active faults."""
        return sorted(set(cls.active().filter(operation=operation).values_list("kind", flat=True)))
