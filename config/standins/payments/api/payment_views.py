"""The URLs that move money: each reads its parameters and calls `intents` or `refunds`.

Sources: https://docs.stripe.com/api/payment_intents and https://docs.stripe.com/api/refunds
"""

from __future__ import annotations

from functools import partial

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from .. import cards, shapes
from ..customer import bank_page
from ..lifecycle import intents, refunds
from . import list_views, request_bodies
from .params import read
from .request_handling import Effect, endpoint, failure, perform, refusal

CANCELLATIONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")


@require_http_methods(["GET", "POST"])
@endpoint
def payment_intents(request: HttpRequest) -> HttpResponse:
    """List, newest first, or create."""
    if request.method == "GET":
        return list_views.intents(request)
    wanted = request_bodies.intent(request_bodies.creation(request), bank_page.pages(request))
    refuse = refusal("This payment is not accepted.", "amount_too_large")
    card = wanted.payment_method if wanted.confirmation else ""
    return perform(request, "create", wanted.order, partial(intents.create, wanted), refuse, card)


@require_GET
@endpoint
def retrieve(request: HttpRequest, intent_id: str) -> HttpResponse:
    read(request, ())
    order = request_bodies.existing(intent_id).order
    refuse = refusal(f"No such payment_intent: '{intent_id}'", "resource_missing")
    return perform(request, "retrieve", order, lambda _key: shapes.intent(request_bodies.existing(intent_id)), refuse)


@require_POST
@endpoint
def confirm(request: HttpRequest, intent_id: str) -> HttpResponse:
    how = request_bodies.confirmation(read(request, request_bodies.CONFIRM), bank_page.pages(request))
    intent = request_bodies.existing(intent_id)
    effect = partial(intents.confirm, intent_id, how=how)

    def refuse(code: str) -> Effect:
        return partial(effect, decline=cards.decline_for(code))

    return perform(request, "confirm", intent.order, effect, refuse, how.payment_method or intent.payment_method)


@require_POST
@endpoint
def capture(request: HttpRequest, intent_id: str) -> HttpResponse:
    amount = read(request, ("amount_to_capture",)).integer("amount_to_capture")
    intent = request_bodies.existing(intent_id)
    if intents.fail_capture(intent_id):
        return failure()
    effect = partial(intents.capture, intent_id, amount=amount)

    def refuse(code: str) -> Effect:
        return partial(intents.refuse_capture, intent_id, code=code)

    return perform(request, "capture", intent.order, effect, refuse, intent.payment_method)


@require_POST
@endpoint
def cancel(request: HttpRequest, intent_id: str) -> HttpResponse:
    reason = read(request, ("cancellation_reason",)).choice("cancellation_reason", CANCELLATIONS)
    order = request_bodies.existing(intent_id).order
    refuse = refusal("You cannot cancel this PaymentIntent.", "payment_intent_unexpected_state")
    return perform(request, "cancel", order, partial(intents.cancel, intent_id, reason=reason), refuse)


@require_http_methods(["GET", "POST"])
@endpoint
def payment_refunds(request: HttpRequest) -> HttpResponse:
    """List, newest first, or make a refund."""
    if request.method == "GET":
        return list_views.refunds(request)
    wanted = request_bodies.refund(read(request, request_bodies.REFUND))
    order = request_bodies.existing(wanted.intent_id).order
    refuse = refusal("This charge cannot be refunded: the customer disputes it.", "charge_disputed")
    return perform(request, "refund", order, partial(refunds.create, wanted), refuse)
