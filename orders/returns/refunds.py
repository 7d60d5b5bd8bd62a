"""Giving the money of one return back, once, whatever gets lost.

Three things see to that: the idempotency key, which the processor forgets after a day; the key kept with the refund
itself, by which it is looked for before anything is repeated; and a new key after each refusal or failure that is
remembered, since it would be answered again when what was wrong has been mended.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import F

from orders.participants import http, refunding
from orders.participants.errors import FailureRemembered, RefusalRemembered
from sagas import Refused

from . import wording
from .models import Return


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be given back."""

    return_id: UUID
    payment_intent: str
    amount: int
    """In minor units."""


NOTHING = refunding.Refund("", 0)


def pay(wish: Wish, *, key: str, again: bool, timeout: timedelta) -> refunding.Refund:
    """Refund; `again` says that it may have been asked for before. Raises Refused with words for the operator.

    Nothing is refunded without asking anybody.
    """
    if not wish.amount:
        return NOTHING
    left = http.TimeLeft.of(timeout)
    spent = keys_spent(wish)
    name = key_after(key, spent)
    if again and (found := refunding.find(wish.payment_intent, key=name, timeout=left.now())):
        return found
    try:
        return refunding.refund(wish.payment_intent, amount=wish.amount, key=name, timeout=left.now())
    except RefusalRemembered:  # whoever heard it first did not live to write it down
        spend_key(wish, spent)
        return pay(wish, key=key, again=True, timeout=left.now())
    except Refused as no:
        spend_key(wish, spent)
        raise Refused(no.code, explained(no.code, no.text)) from no
    except FailureRemembered:
        if found := refunding.find(wish.payment_intent, key=name, timeout=left.now()):
            return found
        spend_key(wish, spent)
        raise


def find(wish: Wish, *, key: str, timeout: timedelta) -> refunding.Refund | None:
    """What became of `pay` with this key; None when nothing was paid."""
    if not wish.amount:
        return NOTHING
    return refunding.find(wish.payment_intent, key=key_after(key, keys_spent(wish)), timeout=timeout)


def expect_failed(refund_id: str, *, timeout: timedelta) -> None:
    """Raises Refused("refund_stands") when the processor says that the refund did not fail."""
    if not refunding.failure(refund_id, timeout=timeout):
        raise Refused("refund_stands", f"The processor says that {refund_id} did not fail.")


def explained(code: str, said: str) -> str:
    """What was said, and what a person can do about it."""
    return f"{said.rstrip('.')}. {wording.desk(code)}"


def unpaid(why: str) -> str:
    """That a refund failed after it had succeeded, and what a person can do about it."""
    return explained("refund_failed", f"The refund failed: {why}")


def keys_spent(wish: Wish) -> int:
    """How many keys the processor has answered for good, without paying."""
    return Return.objects.values_list("refusals", flat=True).get(pk=wish.return_id)


def spend_key(wish: Wish, spent: int) -> None:
    """Nothing was paid under this key, and nothing ever will be: the next attempt uses another."""
    Return.objects.filter(pk=wish.return_id, refusals=spent).update(refusals=F("refusals") + 1)


def key_after(key: str, spent: int) -> str:
    """The idempotency key of the refund that follows so many that were spent."""
    return f"{key}:{spent}" if spent else key
