"""The addresses of the API: each reads its parameters and hands over to `intents` or `refunds`.

Sources: https://docs.stripe.com/api/payment_intents and https://docs.stripe.com/api/refunds
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from . import cards, intents, refunds, shapes, wishes
from .calls import Effect, endpoint, failure, perform, refusal
from .errors import no_such
from .models import Intent, Refund
from .params import Params, read

CANCELLATIONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")


@require_http_methods(["GET", "POST"])
@endpoint
def payment_intents(request: HttpRequest) -> HttpResponse:
    """List, newest first, or create."""
    if request.method == "GET":
        params = read(request, ("limit", "starting_after"))
        limit = params.integer("limit", largest=100) or 10
        return perform(request, "list", "", lambda _key: newest(limit, params, request.path_info), refusal("No.", ""))
    wanted = wishes.intent(read(request, wishes.CREATE))
    refuse = refusal("This payment is not accepted.", "amount_too_large")
    card = wanted.payment_method if wanted.confirm else ""
    return perform(request, "create", wanted.order, partial(intents.create, wanted), refuse, card)


@require_GET
@endpoint
def retrieve(request: HttpRequest, intent_id: str) -> HttpResponse:
    read(request, ())
    order = wishes.existing(intent_id).order
    refuse = refusal(f"No such payment_intent: '{intent_id}'", "resource_missing")
    return perform(request, "retrieve", order, lambda _key: shapes.intent(wishes.existing(intent_id)), refuse)


@require_POST
@endpoint
def confirm(request: HttpRequest, intent_id: str) -> HttpResponse:
    card = wishes.card(read(request, wishes.CONFIRM))
    intent = wishes.existing(intent_id)
    effect = partial(intents.confirm, intent_id, payment_method=card)

    def refuse(code: str) -> Effect:
        return partial(effect, decline=cards.decline_for(code))

    return perform(request, "confirm", intent.order, effect, refuse, card or intent.payment_method)


@require_POST
@endpoint
def capture(request: HttpRequest, intent_id: str) -> HttpResponse:
    amount = read(request, ("amount_to_capture",)).integer("amount_to_capture")
    intent = wishes.existing(intent_id)
    if intents.fail_capture(intent_id):
        return failure()
    effect = partial(intents.capture, intent_id, amount=amount)

    def refuse(code: str) -> Effect:
        return partial(intents.expire, intent_id, code=code)

    return perform(request, "capture", intent.order, effect, refuse, intent.payment_method)


@require_POST
@endpoint
def cancel(request: HttpRequest, intent_id: str) -> HttpResponse:
    reason = read(request, ("cancellation_reason",)).choice("cancellation_reason", CANCELLATIONS)
    order = wishes.existing(intent_id).order
    refuse = refusal("You cannot cancel this PaymentIntent.", "payment_intent_unexpected_state")
    return perform(request, "cancel", order, partial(intents.cancel, intent_id, reason=reason), refuse)


@require_POST
@endpoint
def create_refund(request: HttpRequest) -> HttpResponse:
    wanted = wishes.refund(read(request, wishes.REFUND))
    order = wishes.existing(wanted.intent_id).order
    refuse = refusal("This charge cannot be refunded: the customer disputes it.", "charge_disputed")
    return perform(request, "refund", order, partial(refunds.create, wanted), refuse)


@require_GET
@endpoint
def retrieve_refund(request: HttpRequest, refund_id: str) -> HttpResponse:
    read(request, ())
    row = Refund.objects.select_related("intent").filter(pk=refund_id).first()
    if row is None:
        raise no_such("refund", refund_id, param="id", status=404)
    refuse = refusal(f"No such refund: '{refund_id}'", "resource_missing")
    return perform(request, "retrieve", row.intent.order, lambda _key: shapes.refund(row), refuse)


def newest(limit: int, params: Params, path: str) -> dict[str, Any]:
    """A page of intents, those made after `starting_after` in the listing's order, which is newest first."""
    rows = Intent.objects.all()
    if params.text("starting_after"):
        last = wishes.existing(params.text("starting_after"), status=400)
        rows = rows.filter(Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, id__lt=last.id))
    found = [shapes.intent(row) for row in rows[: limit + 1]]
    url = f"/v1/{path.partition('/v1/')[2]}"
    return {"object": "list", "data": found[:limit], "has_more": len(found) > limit, "url": url}
