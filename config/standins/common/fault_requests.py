"""Reads, checks and saves the faults that callers set."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec
from django.db import transaction
from django.utils import timezone

from . import operations
from .models import AbstractFault

PRINTABLE = r"\A[^\x00-\x1f\x7f]*\Z"  # PostgreSQL keeps no NUL
LONGEST = 7 * 24 * 60  # minutes
Text = Annotated[str, msgspec.Meta(max_length=100, pattern=PRINTABLE)]


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /_faults. Null means the same as left out."""

    kind: Annotated[str, msgspec.Meta(max_length=24)]
    operation: Text | None = None
    order: Text | None = None
    times: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    """How many calls it hits; None: all until it is removed."""
    delay: Annotated[float, msgspec.Meta(ge=0, le=600)] | None = None
    """Extra seconds for the call, with every kind."""
    code: Text | None = None
    """The code of a refusal; None: the company's usual one."""
    minutes: Annotated[float, msgspec.Meta(gt=0, le=LONGEST)] | None = None
    """Minutes after which it ends; None: never."""
    set_by: Text | None = None
    instead: bool = False
    """Whether it replaces the faults for the same operation and order."""


def keep(faults: type[AbstractFault], body: bytes) -> AbstractFault:
    """Save the fault that the body describes. Raises NoSuch with a sentence when the body is invalid."""
    wish = _read(body)
    company = str(faults._meta.app_label)
    operation = wish.operation or operations.ALL
    if operation != operations.ALL:
        operation = operations.found(company, operation).name
    known = operations.kinds(company, operation)
    if wish.kind not in known:
        raise operations.NoSuch(f"{company} knows no {wish.kind!r} of {operation}. It knows: {', '.join(known)}.")
    now = timezone.now()
    fault = faults(
        operation=operation,
        kind=wish.kind,
        order=wish.order or "",
        times=wish.times,
        delay=wish.delay or 0,
        code=wish.code or "",
        set_by=wish.set_by or "",
        set_at=now,
        until=now + timedelta(minutes=wish.minutes) if wish.minutes else None,
    )
    with transaction.atomic(using=faults._default_manager.db):
        faults._default_manager.filter(until__lte=now).delete()
        if wish.instead:
            clear(faults, operation=operation, order=fault.order)
        fault.save()
    return fault


def clear(faults: type[AbstractFault], **where: str) -> int:
    """Remove the faults of this `operation` and `order`, where given; returns how many of them were active."""
    chosen = faults._default_manager.filter(**where)
    active = faults.active().filter(**where).count()
    chosen.delete()
    return int(active)


def _read(body: bytes) -> Wish:
    try:
        return msgspec.json.decode(body or b"{}", type=Wish)
    except ValueError as error:  # msgspec's own errors, and text that is not UTF-8
        raise operations.NoSuch(f"The body makes no sense: {error}") from error
