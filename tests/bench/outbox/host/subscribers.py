"""Who listens when Celery carries the event. No worker runs: what is measured ends at the broker."""

from __future__ import annotations

from outbox import Message, subscribe

from .events import OrderPlaced


@subscribe(OrderPlaced, name="bench.receive")
def receive(message: Message[OrderPlaced]) -> None:
    """Nothing: it is never called."""
