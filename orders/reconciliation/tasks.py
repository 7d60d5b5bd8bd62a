"""Celery's door to the reconciliation."""

from __future__ import annotations

from celery import shared_task

from outbox.heartbeats import heartbeat

from .nightly import reconcile


@shared_task(
    name="orders.reconcile", max_retries=8, autoretry_for=(Exception,), retry_backoff=60, retry_backoff_max=3600
)
@heartbeat.leaves("orders.reconcile", "differences")
def compare_books() -> int:
    """Compare our books with the card processor's; beat runs this each night. It is tried again while that fails.

    Returns how many differences there were.
    """
    return reconcile().differences
