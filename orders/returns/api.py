"""Returns in JSON, beside `orders.api`. Every refusal is `{"errors": {field: [message]}}`."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, JsonResponse
from django.urls import reverse

from orders.answers import refusal
from orders.api import decode, endpoint, find, idempotency_key

from . import wording
from .errors import ReturnRefused
from .models import Return
from .services import request_return
from .validation import parse_return


@endpoint("POST")
def create(request: HttpRequest, order_id: str) -> JsonResponse:
    """POST /api/orders/<id>/returns: 201 for a new return, 200 when this key made it before, 409 when it cannot be."""
    order, key = find(order_id), idempotency_key(request)
    try:
        made = request_return(order.pk, parse_return(decode(request)), idempotency_key=key)
    except ReturnRefused as error:
        return refusal(409, error.errors)
    where = reverse("api-return", args=[made.returned.pk])
    return JsonResponse(return_json(made.returned), status=201 if made.created else 200, headers={"Location": where})


@endpoint("GET")
def show(request: HttpRequest, return_id: str) -> JsonResponse:
    """GET /api/returns/<id>."""
    try:
        returned = Return.objects.get(pk=UUID(return_id))
    except (ValueError, Return.DoesNotExist):
        raise Http404 from None
    return JsonResponse(return_json(returned))


def return_json(returned: Return) -> dict[str, object]:
    """`status` is one of `Return.Status`, `says` where it stands in words; `amount` is a decimal in text, and
    `refunded` whether the customer has got it; `parcel` is stopped, on_its_way, or empty when nobody stopped it."""
    lines = returned.lines.select_related("line")
    return {
        "id": str(returned.pk),
        "number": returned.number,
        "order": str(returned.order_id),
        "status": returned.status,
        "says": wording.state(returned, returned.parcel),
        "amount": str(returned.amount),
        "currency": returned.currency,
        "refunded": returned.refunded_at is not None,
        "parcel": returned.parcel,
        "lines": [{"sku": line.line.sku, "quantity": line.quantity} for line in lines],
    }
