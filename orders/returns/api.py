"""Returns in JSON, beside `orders.api`. Every refusal is `{"errors": {field: [message]}}`."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from orders.api.requests import decode, endpoint, idempotency_key
from orders.api.responses import made, refusal, shown
from orders.api.views import find
from orders.errors import NotFound
from orders.presentation import turn

from . import wording
from .errors import ReturnRefused
from .models import Return
from .page_section import queued_since
from .services import request_return
from .validation import parse_return


@endpoint("POST")
def create(request: HttpRequest, order_id: str) -> JsonResponse:
    """POST /api/orders/<id>/returns: 201 with the return, as it is now, also when this key and body made it before;
    Idempotent-Replayed then says so. 409 when it cannot be, and while the first request with this key is under way; 422
    when the key came with another body."""
    order, key = find(order_id), idempotency_key(request)
    try:
        asked = request_return(order.pk, parse_return(decode(request)), idempotency_key=key, wait=False)
    except ReturnRefused as error:
        return refusal(409, error.errors)
    where = reverse("api-return", args=[asked.returned.pk])
    return made(return_json(asked.returned), where, created=asked.created)


@endpoint("GET")
def show(request: HttpRequest, return_id: str) -> HttpResponse:
    """GET /api/returns/<id>: with an ETag. 304 when it is what If-None-Match names; 412 when it is not what If-Match
    names."""
    try:
        returned = Return.objects.get(pk=UUID(return_id))
    except (ValueError, Return.DoesNotExist):
        raise NotFound("return") from None
    return shown(request, return_json(returned), "return")


def return_json(returned: Return) -> dict[str, object]:
    """`status` is one of `Return.Status`, `says` where it stands in words, and `queue` how many are ahead of one that
    has to wait for its turn, else null; `amount` is a decimal in text, and `refunded` whether the customer has got it;
    `parcel` is stopped, on_its_way, or empty when nobody stopped it."""
    since = queued_since(returned)
    lines = returned.lines.select_related("line")
    return {
        "id": str(returned.pk),
        "number": returned.number,
        "version": returned.version,
        "order": str(returned.order_id),
        "status": returned.status,
        "says": wording.state(returned, returned.parcel, turn.words(since)),
        "queue": turn.as_json(since),
        "amount": str(returned.amount),
        "currency": returned.currency,
        "refunded": returned.refunded_at is not None,
        "parcel": returned.parcel,
        "lines": [{"sku": line.line.sku, "quantity": line.quantity} for line in lines],
    }
