"""The shop in JSON. Every refusal is `{"errors": {field: [message]}}`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from . import cancelling, preconditions, wording
from .answers import SAID, not_modified, of_error, refusal, tagged
from .errors import InvalidOrder, OrderChanged
from .models import Order, Product
from .preconditions import Condition
from .services import place_order
from .standing import capture_of, standing_of
from .validation import parse_order

LONGEST_BODY = 64 * 1024  # bytes
LONGEST_KEY = 255
REPLAYED = "Idempotent-Replayed"
"""As Stripe calls it: the answer is that of an earlier request."""

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
            except SAID as error:
                return of_error(error)
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
    """POST /api/orders: 201 with the order, as it is now, also when this key and body made it before;
    Idempotent-Replayed then says so. 409 when a `unit_price` or the `total` is given and not today's."""
    key = idempotency_key(request)
    placed = place_order(parse_order(decode(request)), idempotency_key=key)
    headers = {"Location": address(placed.order)}
    return tagged(order_json(placed.order), 201, headers if placed.created else headers | {REPLAYED: "true"})


@endpoint("GET")
def order(request: HttpRequest, order_id: str) -> HttpResponse:
    """GET /api/orders/<id>: with an ETag. 304 when it is what If-None-Match names; 412 when it is not what If-Match
    names."""
    must, unless = condition(request, "If-Match"), condition(request, "If-None-Match")
    current = tagged(order_json(find(order_id)), 200)
    if must is not None and not must.matches_strongly(current["ETag"]):
        return changed(order_id)
    if unless is not None and unless.matches_weakly(current["ETag"]):
        return not_modified(current)
    return current


@endpoint("POST")
def cancel(request: HttpRequest, order_id: str) -> JsonResponse:
    """POST /api/orders/<id>/cancel: 200 when the order is, or is being, cancelled; 409 when it cannot be; 412 when it
    could be, and is not at a version that If-Match names."""
    order, must = find(order_id), condition(request, "If-Match")
    try:
        asked = cancelling.ask(order, seen=None if must is None else must.versions())
    except OrderChanged:
        if must is None:
            raise
        return changed(order_id)
    order = find(order_id)
    if asked.accepted:
        return tagged(order_json(order), 200, {"Content-Location": address(order)})
    words = wording.answer(asked, order, capture_of(order))
    return refusal(409, {"order": [words]}, order=order_json(order))


def changed(order_id: str) -> JsonResponse:
    """412: how the order stands, so that the client can decide anew."""
    body = order_json(find(order_id))
    message = "The order is not as If-Match says. Look at it as it is now, and send the ETag of that."
    current = tagged(body, 200)["ETag"]
    return refusal(412, {"If-Match": [message]}, {"ETag": current}, order=body)


def condition(request: HttpRequest, name: str) -> Condition | None:
    """What the header field demands; None when it was not sent. Raises MalformedCondition."""
    return preconditions.parse(name, request.headers.get(name))


def address(order: Order) -> str:
    """Where the order is."""
    return reverse("api-order", args=[order.pk])


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
    """`status` is one of `Order.Status`; `reason` says in words why it is cancelled; `total` is a decimal in text.

    `action_url` is where the customer confirms the payment, empty while the bank does not ask for that.
    """
    standing = standing_of(order)
    steps = standing.steps if standing else ()
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
        "cancel": cancel_json(order),
        "steps": [{"name": step.name, "status": step.status, "attempts": step.attempts} for step in steps],
    }


def cancel_json(order: Order) -> dict[str, object] | None:
    """What became of the customer's wish to cancel: `answer` is one of `CancelRequest.Answer`; null without a wish."""
    asked = cancelling.told(order)
    if asked is None:
        return None
    return {"answer": asked.answer, "asked_at": asked.asked_at.isoformat(), "message": wording.race(asked)}
