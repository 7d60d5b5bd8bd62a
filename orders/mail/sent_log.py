"""The record of letters: which were begun and which went out, so that each goes out once and none is left standing
that is no longer true.

Mail cannot be unsent. So a letter is written down, under the order's lock and in a commit of its own, before the mail
server is asked; whoever undoes the order looks there under the same lock. Of a notice and the last word on an undone
order, whichever locks the order first wins: a notice that is begun counts as sent, and the last word takes it back; one
that comes after the last word is not sent at all.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from outbox import RetryAfter

from ..locks import lock_order
from ..models import Notice, Order

Kind = Notice.Kind
PROMISES = (Kind.RECEIVED, Kind.CONFIRMATION)
"""What an undone order takes back."""
LAST_WORDS = (Kind.CANCELLATION, Kind.APOLOGY)
IN_HAND = timedelta(seconds=30)
"""So long a letter that was begun may still be with its worker: the mail server has ten seconds to take it."""
SOON = timedelta(seconds=2)


def begin_notice(order_id: UUID, kind: Notice.Kind, message_id: str) -> Notice | None:
    """Write down that a notice is about to be sent; None when it was sent, or has been overtaken.

    One that was begun and never ended is begun again, under the same Message-ID.
    """
    with transaction.atomic():
        order = lock_order(order_id)
        notices = {notice.kind: notice for notice in order.notices.all()}
        if any(word in notices for word in LAST_WORDS) or _is_overtaken(order, kind):
            return None
        return _begun(order, kind, message_id, notices.get(kind))


def begin_request(order_id: UUID, url: str, message_id: str) -> Notice | None:
    """Write down that the customer is about to be asked to confirm the payment at `url`.

    None when this message has asked them, when they need not any more, or when the bank asks for it elsewhere.
    """
    with transaction.atomic():
        order = lock_order(order_id)
        if not url or order.action_url != url:
            return None
        found = order.notices.filter(kind=Kind.CONFIRM_PAYMENT, message_id=message_id).first()
        return _begun(order, Kind.CONFIRM_PAYMENT, message_id, found)


def begin_last_word(order_id: UUID, message_id: str) -> Notice | None:
    """Write down that an undone order's last letter is about to be sent: an apology when it has to take a notice back.

    None when it was sent. Raises RetryAfter while a notice is in a worker's hands, so that the apology comes after it.
    """
    with transaction.atomic():
        order = lock_order(order_id)
        if order.notices.filter(kind__in=PROMISES, sent_at=None, begun_at__gt=Now() - IN_HAND).exists():
            raise RetryAfter(SOON, "A letter that this one takes back is being sent.")
        kind = Kind.APOLOGY if taken_back(order) else Kind.CANCELLATION
        return _begun(order, kind, message_id, order.notices.filter(kind__in=LAST_WORDS).first())


def note_sent(notice: Notice | None) -> None:
    """The mail server has it; in the caller's transaction. None is passed over."""
    if notice is not None:
        Notice.objects.filter(pk=notice.pk, sent_at=None).update(sent_at=Now())


def taken_back(order: Order) -> list[Notice]:
    """The notices that stopped being true when the order was undone, the oldest first; those in doubt among them."""
    return list(order.notices.filter(kind__in=PROMISES))


def _is_overtaken(order: Order, kind: Notice.Kind) -> bool:
    """Whether the notice would be news of yesterday."""
    if kind == Kind.RECEIVED:  # it says that nothing is charged yet
        return order.status != Order.Status.PROCESSING or order.charged > 0
    return order.status == Order.Status.CANCELLED


def _begun(order: Order, kind: Notice.Kind, message_id: str, found: Notice | None) -> Notice | None:
    if found is None:
        return Notice.objects.create(order=order, kind=kind, message_id=message_id)
    if found.sent_at:
        return None
    Notice.objects.filter(pk=found.pk).update(begun_at=Now())
    return found
