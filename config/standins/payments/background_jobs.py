"""The card processor's background jobs: expire authorisations, decide refunds and disputes, send events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from .lifecycle import disputes, intent_rows, intents, refunds
from .models import Charge, Dispute, Event, Fault, Intent, Refund, StoredAnswer
from .webhooks import addressing, sending

BATCH = 50  # rows of a kind at a time
EVENTS_KEPT = timedelta(days=30)  # https://docs.stripe.com/api/events
ANSWERS_KEPT = timedelta(days=2)  # twice as long as a key lasts


def once() -> None:
    """Do one bounded piece of each job. An endpoint that is away is no error: its events wait."""
    addressing.settle_endpoint()
    expire()
    decide_refunds()
    decide_disputes()
    addressing.address()
    sending.send_due()
    forget()


def expire() -> None:
    """Cancel the intents whose authorisation has ended."""
    ended = Charge.objects.filter(capture_before__lte=timezone.now()).order_by("capture_before")
    for intent_id in [*ended.values_list("intent_id", flat=True)[:BATCH], *_told_to_expire()]:
        with transaction.atomic(using="payments"):
            intent = intent_rows.locked(intent_id)
            if intent.status == Intent.Status.REQUIRES_CAPTURE:
                intents.lapsed(intent, "")


def decide_refunds() -> None:
    due = Refund.objects.filter(settles_at__lte=timezone.now()).order_by("settles_at")
    for refund_id in due.values_list("pk", flat=True)[:BATCH]:
        with transaction.atomic(using="payments"):
            refunds.settle(refund_id)


def decide_disputes() -> None:
    """Open and close disputes as the faults want it; nothing else decides a dispute here."""
    for kind in Fault.coming("dispute"):
        if kind == "open":
            _open_disputes()
        else:
            _close_disputes(kind)


def forget() -> None:
    """Delete what Stripe would no longer keep."""
    now = timezone.now()
    old = Event.objects.filter(created_at__lt=now - EVENTS_KEPT).order_by("created_at")
    Event.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:BATCH])).delete()
    answers = StoredAnswer.objects.filter(created_at__lt=now - ANSWERS_KEPT)
    StoredAnswer.objects.filter(pk__in=list(answers.values_list("pk", flat=True)[:BATCH])).delete()


def _told_to_expire() -> Iterable[str]:
    if not Fault.coming("authorization"):
        return
    for intent_id, order in Intent.objects.filter(status=Intent.Status.REQUIRES_CAPTURE).values_list("pk", "order"):
        if Fault.take_uncalled("authorization", "expire", order):
            yield intent_id


def _open_disputes() -> None:
    """For charges made before the fault was set."""
    free = Charge.objects.filter(captured=True, disputed=False).exclude(intent__order="")
    for charge_id, intent_id, order in free.values_list("pk", "intent_id", "intent__order")[:BATCH]:
        if Fault.take_uncalled("dispute", "open", order):
            with transaction.atomic(using="payments"):
                intent_rows.locked(intent_id)
                charge = Charge.objects.select_related("intent").get(pk=charge_id)
                if not charge.disputed:
                    disputes.open_(charge, "", "fraudulent")


def _close_disputes(kind: str) -> None:
    opened = Dispute.objects.filter(status=Dispute.Status.NEEDS_RESPONSE)
    for dispute_id, order in opened.values_list("pk", "charge__intent__order")[:BATCH]:
        if Fault.take_uncalled("dispute", kind, order):
            with transaction.atomic(using="payments"):
                disputes.close(dispute_id, "", won=kind == "won")
