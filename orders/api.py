"""The shop in JSON. Every refusal is `{"errors": {field: [message]}}`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from . import wording
from .errors import InvalidOrder, KeyReused
from .models import Order, Product
from .services import cancel_order, place_order
from .standing import standing_of
from .validation import parse_order

LONGEST_BODY = 64 * 1024  # bytes
LONGEST_KEY = 255

View = Callable[..., HttpResponseBase]


def endpoint(method: str) -> Callable[[View], View]:
    """A JSON view for one method: no CSRF token, since no cookie speaks for the caller; errors answered in JSON."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method not in {method, "HEAD" if method == "GET" else method}:
                return refusal(405, {"method": [f"Use {method}."]}, {"Allow": method})
            try:
                return view(request, *args, **kwargs)
            except InvalidOrder as error:
                return refusal(400, error.errors)
            except KeyReused as error:
                return refusal(422, {"Idempotency-Key": [str(error)]})
            except Http404:
                return refusal(404, {"order": ["There is no such order."]})

        return guarded

    return decorate


@endpoint("GET")
def products(request: HttpRequest) -> JsonResponse:
    """GET /api/products."""
    return JsonResponse({"results": [product_json(product) for product in Product.objects.all()]})


@endpoint("POST")
def orders(request: HttpRequest) -> JsonResponse:
    """POST /api/orders: 201 for a new order, 200 when this key and body made it before."""
    key = idempotency_key(request)
    placed = place_order(parse_order(decode(request)), idempotency_key=key)
    where = reverse("api-order", args=[placed.order.pk])
    return JsonResponse(order_json(placed.order), status=201 if placed.created else 200, headers={"Location": where})


@endpoint("GET")
def order(request: HttpRequest, order_id: str) -> JsonResponse:
    """GET /api/orders/<id>."""
    return JsonResponse(order_json(find(order_id)))


@endpoint("POST")
def cancel(request: HttpRequest, order_id: str) -> JsonResponse:
    """POST /api/orders/<id>/cancel: 200 when the order is, or is being, cancelled; 409 when it is too late."""
    accepted = cancel_order(find(order_id))
    body: dict[str, object] = order_json(find(order_id))
    if accepted:
        return JsonResponse(body)
    message = "It is too late to cancel this order."
    return JsonResponse({"errors": {"order": [message]}, "order": body}, status=409)


def idempotency_key(request: HttpRequest) -> str:
    """The Idempotency-Key header, 1 to 255 visible ASCII characters. Raises InvalidOrder."""
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        message = "Send an Idempotency-Key header, new for every order, so that a repeated request makes no second one."
        raise InvalidOrder({"Idempotency-Key": [message]})
    if len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise InvalidOrder({"Idempotency-Key": [f"Use 1 to {LONGEST_KEY} visible ASCII characters."]})
    return key


def decode(request: HttpRequest) -> object:
    """The body's JSON. Raises InvalidOrder."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > LONGEST_BODY:
        raise InvalidOrder({"body": [f"An order has at most {LONGEST_BODY} bytes."]})
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        raise InvalidOrder({"body": ["Send valid JSON in UTF-8."]}) from None


def find(order_id: str) -> Order:
    """The order, or 404; an id that is no UUID names no order."""
    try:
        return Order.objects.get(pk=UUID(order_id))
    except (ValueError, Order.DoesNotExist):
        raise Http404 from None


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
    """`status` is one of `Order.Status`; `reason` says in words why it is cancelled; `total` is a decimal in text."""
    standing = standing_of(order)
    steps = standing.steps if standing else ()
    return {
        "id": str(order.pk),
        "number": order.number,
        "coordination": order.coordination,
        "status": order.status,
        "reason": wording.customer_reason(order),
        "total": str(order.total),
        "currency": order.currency,
        "steps": [{"name": step.name, "status": step.status, "attempts": step.attempts} for step in steps],
    }


def refusal(status: int, errors: dict[str, list[str]], headers: dict[str, str] | None = None) -> JsonResponse:
    """An answer that says what was wrong."""
    return JsonResponse({"errors": errors}, status=status, headers=headers)
