"""The record of letters about returns, by which each goes out once, and none is left standing that is no longer true.

What is written is decided by two things alone: what the customer was last told, and how the return stands. Both are
read under the return's lock, and the letter is written down there before the mail server is asked. So events that come
late, twice or in another order lead to the same letters.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from outbox import RetryAfter

from ..models import Letter, Return
from ..status import lock_return

Kind = Letter.Kind
IN_HAND = timedelta(seconds=30)
"""So long a letter that was begun may still be with its worker: the mail server has ten seconds to take it."""
SOON = timedelta(seconds=2)
UNPAID = "unpaid"
"""How a return stands whose money is owed: it was not paid yet, or what was paid came back."""
DUE: dict[tuple[str, str], Kind] = {
    ("", Return.Status.DONE): Kind.REFUNDED,
    ("", Return.Status.DECLINED): Kind.DECLINED,
    (Kind.REFUNDED, UNPAID): Kind.UNPAID,
    (Kind.REFUNDED, Return.Status.DECLINED): Kind.WITHDRAWN,
    (Kind.UNPAID, Return.Status.DONE): Kind.PAID_AGAIN,
    (Kind.UNPAID, Return.Status.DECLINED): Kind.WITHDRAWN,
    (Kind.PAID_AGAIN, UNPAID): Kind.UNPAID,
    (Kind.PAID_AGAIN, Return.Status.DECLINED): Kind.WITHDRAWN,
}
"""By what was last said and how the return stands: the letter that is due. None for any other two."""
TRUE_OF: dict[str, str] = {
    Kind.REFUNDED: Return.Status.DONE,
    Kind.PAID_AGAIN: Return.Status.DONE,
    Kind.UNPAID: UNPAID,
    Kind.DECLINED: Return.Status.DECLINED,
    Kind.WITHDRAWN: Return.Status.DECLINED,
}
"""How the return stands when the letter is true."""


def begin(return_id: UUID, message_id: str) -> Letter | None:
    """Write down the letter that is due; None when what was last said still holds, or was never said.

    One of this very message that was begun and never ended is begun again while it is true. Raises RetryAfter while
    another letter is in a worker's hands, so that this one comes after it.
    """
    with transaction.atomic():
        returned = lock_return(return_id)
        last = returned.letters.last()
        if returned.letters.filter(message_id=message_id).exists():
            return _again(last, message_id, returned)
        if returned.letters.filter(sent_at=None, begun_at__gt=Now() - IN_HAND).exists():
            raise RetryAfter(SOON, "Another letter about the return is being sent.")
        kind = DUE.get(("" if last is None else last.kind, standing(returned)))
        return Letter.objects.create(returned=returned, kind=kind, message_id=message_id) if kind else None


def note_sent(letter: Letter | None) -> None:
    """The mail server has it; in the caller's transaction. None is passed over."""
    if letter is not None:
        Letter.objects.filter(pk=letter.pk, sent_at=None).update(sent_at=Now())


def standing(returned: Return) -> str:
    """How the return stands, as far as letters go: a status, or UNPAID."""
    if returned.refunded_at is None and returned.status in (Return.Status.REFUNDING, Return.Status.NEEDS_ATTENTION):
        return UNPAID
    return returned.status


def _again(last: Letter | None, message_id: str, returned: Return) -> Letter | None:
    if last is None or last.message_id != message_id or last.sent_at or TRUE_OF[last.kind] != standing(returned):
        return None
    Letter.objects.filter(pk=last.pk).update(begun_at=Now())
    return last
