"""The URLs about events and webhook endpoints.

Sources: https://docs.stripe.com/api/events and https://docs.stripe.com/api/webhook_endpoints
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_http_methods

from .. import shapes
from ..errors import no_such
from ..ids import new_id
from ..models import Delivery, Endpoint, Event
from . import list_views, paging
from .params import Params, read
from .request_handling import endpoint, perform, refusal

LISTED = (*paging.KNOWN, "type", "types", "delivery_success")


@require_GET
@endpoint
def events(request: HttpRequest) -> HttpResponse:
    """Newest first; `type` may end in `*`."""
    params = read(request, LISTED)
    rows = _wanted(params)
    return perform(
        request, "list", "", lambda _key: list_views.a_page(request, rows, params, _event), refusal("No.", "")
    )


@require_GET
@endpoint
def event(request: HttpRequest, event_id: str) -> HttpResponse:
    row = Event.objects.filter(pk=event_id).first()
    if row is None:
        raise no_such("event", event_id, param="id", status=404)
    return list_views.shown(request, row.order, _event(row))


@require_http_methods(["GET", "POST"])
@endpoint
def endpoints(request: HttpRequest) -> HttpResponse:
    """List the endpoints, or create one; only the creation returns its secret."""
    if request.method == "GET":
        return list_views.listed(request, Endpoint.objects.all(), shapes.endpoint, {})
    params = read(request, ("url", "enabled_events", "description"))
    params.needed("url")
    wanted = list(params.group("enabled_events").values()) or ["*"]

    def make(_key: str) -> dict[str, Any]:
        row = Endpoint.objects.create(url=params.url("url"), secret=new_id("whsec", 32), enabled_events=wanted)
        return {**shapes.endpoint(row), "secret": row.secret}

    return perform(request, "endpoint", "", make, refusal("No.", ""))


@require_http_methods(["GET", "DELETE"])
@endpoint
def one_endpoint(request: HttpRequest, endpoint_id: str) -> HttpResponse:
    row = Endpoint.objects.filter(pk=endpoint_id).first()
    if row is None:
        raise no_such("webhook endpoint", endpoint_id, param="id", status=404)
    if request.method == "GET":
        return list_views.shown(request, "", shapes.endpoint(row))
    row.delete()
    return JsonResponse({"id": endpoint_id, "object": "webhook_endpoint", "deleted": True})


@require_GET
def deliveries(request: HttpRequest) -> HttpResponse:
    """The stand-in's record of what was sent where, oldest first; `?order=` chooses one order."""
    rows = Delivery.objects.select_related("event", "endpoint").order_by("event__created_at", "id")
    if "order" in request.GET:
        rows = rows.filter(event__order=request.GET["order"])
    names = ("attempts", "status", "error", "due_at", "delivered_at")
    found = [
        {
            "event": row.event_id,
            "type": row.event.type,
            "order": row.event.order,
            "url": row.endpoint.url,
            **{name: getattr(row, name) for name in names},
        }
        for row in rows
    ]
    return JsonResponse({"results": found})


def _event(row: Event) -> dict[str, Any]:
    return shapes.event(row, Delivery.objects.filter(event=row, delivered_at=None).count())


def _wanted(params: Params) -> QuerySet[Event]:
    rows = Event.objects.all()
    if kind := params.text("type"):
        rows = rows.filter(type__startswith=kind[:-1]) if kind.endswith("*") else rows.filter(type=kind)
    if kinds := params.group("types"):
        rows = rows.filter(type__in=list(kinds.values()))
    if params.text("delivery_success"):
        open_ = Q(pk__in=Delivery.objects.filter(delivered_at=None).values("event"))
        rows = rows.exclude(open_) if params.flag("delivery_success") else rows.filter(open_)
    return rows
