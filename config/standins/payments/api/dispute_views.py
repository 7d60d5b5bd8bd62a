"""The URLs about disputes. Source: https://docs.stripe.com/api/disputes"""

from __future__ import annotations

from functools import partial

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from .. import shapes
from ..errors import no_such
from ..lifecycle import disputes
from ..models import Dispute
from . import list_views
from .params import read
from .request_handling import endpoint, perform, refusal

ROWS = Dispute.objects.select_related("charge__intent")


@require_GET
@endpoint
def listed(request: HttpRequest) -> HttpResponse:
    filters = {"payment_intent": "charge__intent_id", "charge": "charge_id"}
    return list_views.listed(request, ROWS.all(), shapes.dispute, filters)


@require_GET
@endpoint
def retrieve(request: HttpRequest, dispute_id: str) -> HttpResponse:
    row = existing(dispute_id)
    return list_views.shown(request, row.charge.intent.order, shapes.dispute(row))


@require_POST
@endpoint
def close(request: HttpRequest, dispute_id: str) -> HttpResponse:
    """The shop accepts the dispute, and loses it."""
    read(request, ())
    order = existing(dispute_id).charge.intent.order
    refuse = refusal("This dispute cannot be closed.", "dispute_closed")
    return perform(request, "close_dispute", order, partial(disputes.close, dispute_id), refuse)


def existing(dispute_id: str) -> Dispute:
    row = ROWS.filter(pk=dispute_id).first()
    if row is None:
        raise no_such("dispute", dispute_id, param="id", status=404)
    return row
