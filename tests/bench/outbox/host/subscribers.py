"""Who listens when Celery carries the event. No worker runs: what is measured ends at the broker."""

from __future__ import annotations

from outbox import Message, subscribe

from .events import OrderPlaced


@subscribe(OrderPlaced, name="bench.receive", order="none")
def receive(message: Message[OrderPlaced]) -> None:
    """Nothing: it is never called. Without order each message travels with its task, as with the others."""
