"""The outbox's Celery tasks."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from . import settings
from .consuming import in_order, inbox, watermarks
from .declare.events import registry
from .maintenance import prune
from .messages.envelope import Envelope, Wire
from .relay.beat_driven import beat_driven_relay
from .transports import Wakeup
from .transports.celery import publish_all, wakeup_task


# The next tick replaces a lost one. No events: one each second would hide all other tasks in Flower.
@shared_task(name="outbox.relay", acks_late=False, send_events=False)
def relay() -> None:
    """Keep this process's relay threads running until the next tick; the task that runs them ends within a minute."""
    beat_driven_relay.tick(settings.relay_stay())


@shared_task(name="outbox.deliver", bind=True, acks_late=True, reject_on_worker_lost=True)
def deliver(self: Any, subscriber: str, envelope: Wire) -> None:
    """Push: hand one message to one subscriber."""
    one = Envelope.from_wire(envelope)
    declared = registry.subscribers.get(subscriber)
    if declared is not None and declared.pulls(one.key):  # pushed by a relay that runs older code
        place: tuple[list[str], list[str]] = ([one.key], []) if declared.is_ordered(one.key) else ([], [one.id])
        _deliver_open(Wakeup(subscriber, *place), again=one.again or _redelivered(self))
    else:
        inbox.deliver(subscriber, one, redelivered=_redelivered(self))


@shared_task(name="outbox.deliver_open", bind=True, acks_late=True, reject_on_worker_lost=True)
def deliver_open(self: Any, subscriber: str, keys: list[str], ids: list[str], again: bool) -> None:
    """Pull: have one subscriber handle what is open of these keys, and these messages."""
    _deliver_open(Wakeup(subscriber, keys, ids), again=again or _redelivered(self))


@shared_task(name=watermarks.TASK, acks_late=False, send_events=False)
def watermark(queue: str, sent_at: str) -> None:
    """Record how far this queue has been read."""
    watermarks.record_passed(queue, sent_at)


@shared_task(name="outbox.prune")
def prune_history() -> None:
    """Drop history that is too old."""
    prune.prune()


def _deliver_open(wakeup: Wakeup, *, again: bool) -> None:
    in_order.deliver_open(*wakeup, again=again, go_on=lambda: publish_all([wakeup_task(wakeup)]))


def _redelivered(task: Any) -> bool:
    """Whether the broker has handed out this task before."""
    return bool((task.request.delivery_info or {}).get("redelivered"))
