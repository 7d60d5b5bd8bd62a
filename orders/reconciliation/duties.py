"""Who compares the books each night. Importing this registers it."""

from __future__ import annotations

from datetime import timedelta

from outbox.heartbeats.duties import register_duty

register_duty("orders.reconcile", timedelta(days=1), "compares the books with the card processor's", is_task=False)
