"""Celery's doors to the outbox."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from . import inbox, prune, settings
from .duty import duty
from .envelope import Envelope, Wire


# A lost tick is made up for by the next; and one each second would bury the rest in Flower.
@shared_task(name="outbox.relay", acks_late=False, send_events=False)
def relay() -> None:
    """Have this process's relay run until the next tick: beat's ticks keep it running, its task stays a minute."""
    duty.tick(settings.relay_stay())


@shared_task(name="outbox.deliver", bind=True, acks_late=True, reject_on_worker_lost=True)
def deliver(self: Any, subscriber: str, envelope: Wire) -> None:
    """Hand one message to one subscriber."""
    redelivered = bool((self.request.delivery_info or {}).get("redelivered"))
    inbox.deliver(subscriber, Envelope.from_wire(envelope), redelivered=redelivered)


@shared_task(name="outbox.prune")
def prune_history() -> None:
    """Drop history that nobody needs."""
    prune.prune()
