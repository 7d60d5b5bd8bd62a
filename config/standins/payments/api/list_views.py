"""The URLs that list objects, and those that show one charge or refund.

Sources: https://docs.stripe.com/api/charges, /refunds, /payment_intents
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from .. import shapes
from ..errors import no_such
from ..models import Charge, Intent, Refund
from . import paging
from .params import Params, read
from .request_handling import endpoint, perform, refusal

M = TypeVar("M", bound=Model)


def intents(request: HttpRequest) -> HttpResponse:
    """Within another view."""
    return listed(request, Intent.objects.all(), shapes.intent, {})


@require_GET
@endpoint
def charges(request: HttpRequest) -> HttpResponse:
    rows = Charge.objects.select_related("intent")
    return listed(request, rows, shapes.charge, {"payment_intent": "intent_id"})


@require_GET
@endpoint
def charge(request: HttpRequest, charge_id: str) -> HttpResponse:
    row = Charge.objects.select_related("intent").filter(pk=charge_id).first()
    if row is None:
        raise no_such("charge", charge_id, param="id", status=404)
    return shown(request, row.intent.order, shapes.charge(row))


def refunds(request: HttpRequest) -> HttpResponse:
    """Within another view."""
    rows = Refund.objects.select_related("intent")
    return listed(request, rows, shapes.refund, {"payment_intent": "intent_id", "charge": "intent__latest_charge"})


@require_GET
@endpoint
def refund(request: HttpRequest, refund_id: str) -> HttpResponse:
    row = Refund.objects.select_related("intent").filter(pk=refund_id).first()
    if row is None:
        raise no_such("refund", refund_id, param="id", status=404)
    return shown(request, row.intent.order, shapes.refund(row))


def listed(
    request: HttpRequest, rows: QuerySet[M], shape: Callable[[M], dict[str, Any]], filters: dict[str, str]
) -> HttpResponse:
    """A page of the rows. `filters` maps further parameters to the field that must be equal."""
    params = read(request, (*paging.KNOWN, *filters))
    rows = rows.filter(**{field: params.text(name) for name, field in filters.items() if params.text(name)})
    return perform(request, "list", "", lambda _key: a_page(request, rows, params, shape), refusal("No.", ""))


def a_page(
    request: HttpRequest, rows: QuerySet[M], params: Params, shape: Callable[[M], dict[str, Any]]
) -> dict[str, Any]:
    return paging.page(rows, params, f"/v1/{request.path_info.partition('/v1/')[2]}", shape)


def shown(request: HttpRequest, order: str, body: dict[str, Any]) -> HttpResponse:
    """The answer with one object."""
    read(request, ())
    refuse = refusal(f"No such object: '{body['id']}'", "resource_missing")
    return perform(request, "retrieve", order, lambda _key: body, refuse)
