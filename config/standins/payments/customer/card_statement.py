"""The customer's card statement: charges, refunds and chargebacks. A released authorisation leaves no entry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from ..models import Charge, Dispute, Refund


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """`?order=S-…` chooses one order. `entries` come oldest first, with `amount` in minor units, negative for money
    that came back; `held` lists the present authorisations.
    """
    orders = {"intent__order": request.GET["order"]} if "order" in request.GET else {}
    entries = sorted([*charges(orders), *given_back(orders), *disputed(orders)], key=lambda entry: str(entry["at"]))
    held = Charge.objects.filter(capture_before__isnull=False, **orders).select_related("intent")
    lines = [entry("held", row.amount, row, row.created_at.isoformat()) for row in held]
    return JsonResponse({"order": request.GET.get("order"), "entries": entries, "held": lines})


def charges(orders: dict[str, str]) -> Iterator[dict[str, Any]]:
    for row in Charge.objects.filter(captured=True, **orders).select_related("intent"):
        yield entry("charge", row.amount_captured, row, (row.captured_at or row.created_at).isoformat())


def given_back(orders: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Refunds that arrived: neither pending nor failed ones."""
    for row in Refund.objects.filter(status=Refund.Status.SUCCEEDED, **orders).select_related("intent"):
        yield entry("refund", -row.amount, row, row.created_at.isoformat())


def disputed(orders: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Charges that the bank took back for its customer."""
    lost = Dispute.objects.filter(status=Dispute.Status.LOST).select_related("charge__intent")
    for row in lost.filter(**{f"charge__{name}": value for name, value in orders.items()}):
        yield entry("chargeback", -row.amount, row.charge, row.created_at.isoformat())


def entry(kind: str, amount: int, row: Charge | Refund, at: str) -> dict[str, Any]:
    intent = row.intent
    text = f"SETTLE {intent.order}".strip()
    return {"at": at, "kind": kind, "amount": amount, "currency": intent.currency, "text": text, "order": intent.order}
