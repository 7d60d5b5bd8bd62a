"""The shop in JSON. Every refusal is `{"errors": {field: [message]}}`."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse

from .. import wording
from ..cancelling import customer_request
from ..coordination.choose import capture_of, progress_of
from ..errors import NotFound, OrderChanged
from ..models import Order, Product
from ..placing.place import place_order
from ..placing.validation import parse_order
from ..presentation import turn
from .requests import decode, endpoint, idempotency_key
from .responses import changed, condition, made, refusal, shown, tagged


@endpoint("GET")
def products(request: HttpRequest) -> JsonResponse:
    """GET /api/products."""
    return JsonResponse({"results": [product_json(product) for product in Product.objects.all()]})


@endpoint("POST")
def orders(request: HttpRequest) -> JsonResponse:
    """POST /api/orders: 201 with the order, as it is now, also when this key and body made it before;
    Idempotent-Replayed then says so. 409 when a `unit_price` or the `total` is given and not today's, and while the
    first request with this key is under way; 422 when the key came with another body."""
    key = idempotency_key(request)
    placed = place_order(parse_order(decode(request)), idempotency_key=key, wait=False)
    return made(order_json(placed.order), address(placed.order), created=placed.created)


@endpoint("GET")
def order(request: HttpRequest, order_id: str) -> HttpResponse:
    """GET /api/orders/<id>: with an ETag. 304 when it is what If-None-Match names; 412 when it is not what If-Match
    names."""
    return shown(request, order_json(find(order_id)), "order")


@endpoint("POST")
def cancel(request: HttpRequest, order_id: str) -> JsonResponse:
    """POST /api/orders/<id>/cancel: 200 when the order is, or is being, cancelled; 409 when it cannot be; 412 when it
    could be, and is not at a version that If-Match names."""
    order, must = find(order_id), condition(request, "If-Match")
    try:
        asked = customer_request.ask(order, seen=None if must is None else must.versions())
    except OrderChanged:
        if must is None:
            raise
        return changed(order_json(find(order_id)), "order")
    order = find(order_id)
    if asked.accepted:
        return tagged(order_json(order), 200, {"Content-Location": address(order)})
    words = wording.answer(asked, order, capture_of(order))
    return refusal(409, {"order": [words]}, order=order_json(order))


def address(order: Order) -> str:
    """Where the order is."""
    return reverse("api-order", args=[order.pk])


def find(order_id: str) -> Order:
    """The order. Raises NotFound; an id that is no UUID names no order."""
    try:
        return Order.objects.get(pk=UUID(order_id))
    except (ValueError, Order.DoesNotExist):
        raise NotFound("order") from None


def product_json(product: Product) -> dict[str, object]:
    """`price` is a decimal in text, in the currency's main unit."""
    return {
        "sku": product.sku,
        "name": product.name,
        "price": str(product.price),
        "currency": product.currency,
        "available": product.available,
    }


def order_json(order: Order) -> dict[str, object]:
    """`status` is one of `Order.Status`; `reason` says in words why it is cancelled; `total` is a decimal in text.

    `action_url` is where the customer confirms the payment, empty while the bank does not ask for that. `queue` says
    how many are ahead of an order that has to wait for its turn; null for all others.
    """
    progress = progress_of(order)
    steps = progress.steps if progress else ()
    return {
        "id": str(order.pk),
        "number": order.number,
        "version": order.version,
        "coordination": order.coordination,
        "status": order.status,
        "reason": wording.customer_reason(order),
        "total": str(order.total),
        "currency": order.currency,
        "action_url": order.action_url,
        "queue": turn.as_json(progress.queued_since if progress else None),
        "cancel": cancel_json(order),
        "steps": [{"name": step.name, "status": step.status, "attempts": step.attempts} for step in steps],
    }


def cancel_json(order: Order) -> dict[str, object] | None:
    """What became of the customer's wish to cancel: `answer` is one of `CancelRequest.Answer`; null without a wish."""
    asked = customer_request.told(order)
    if asked is None:
        return None
    return {"answer": asked.answer, "asked_at": asked.asked_at.isoformat(), "message": wording.race(asked)}
