"""The same order twice within a short time, from two tabs or a reload: meant, or not? The customer is asked.

A double click on one page has one token and is one order. Two tabs have two tokens, and a token says nothing about what
the customer means. Programs say what they mean with their Idempotency-Key and are not asked.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from ..errors import OrderedAlready
from ..models import Order
from .validation import PlaceOrder

WINDOW = timedelta(minutes=10)
GOING_BACK = (Order.Status.CANCELLING, Order.Status.CANCELLED)


def basket_hash(request: PlaceOrder) -> str:
    """The same for the same things ordered with the same e-mail address, however they are paid and carried."""
    lines = sorted((line.sku, line.quantity) for line in request.lines)
    return hashlib.sha256(json.dumps([request.email.casefold(), lines]).encode()).hexdigest()


def refuse(order: Order, known: str) -> None:
    """Raise OrderedAlready when there are other orders of the same from within WINDOW, unless `known` is their mark.

    `order` is new, in the caller's transaction. Two that come at once wait for each other here, and the second one sees
    the first. Orders that are cancelled do not count: whoever was declined orders again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"basket:{order.basket_hash}"])
    same = Order.objects.filter(basket_hash=order.basket_hash, created_at__gt=timezone.now() - WINDOW)
    others = list(same.exclude(pk=order.pk).exclude(status__in=GOING_BACK).order_by("-created_at"))
    mark = f"{order.basket_hash[:16]}-{len(others)}"
    if others and known != mark:
        raise OrderedAlready(tuple(other.pk for other in others), others[0].created_at, mark)
