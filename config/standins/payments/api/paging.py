"""Lists in Stripe's form: newest first, in pages, filtered by creation time.

Source: https://docs.stripe.com/api/pagination
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

from ..errors import invalid, no_such
from .params import Params

M = TypeVar("M", bound=Model)
KNOWN = ("limit", "starting_after", "ending_before", "created")
BOUNDS = {"gt": ("gte", 1), "gte": ("gte", 0), "lt": ("lt", 0), "lte": ("lt", 1)}
"""`created` counts whole seconds and our rows do not: for each bound, the lookup and the seconds to add."""


def page(rows: QuerySet[M], params: Params, url: str, shape: Callable[[M], dict[str, Any]]) -> dict[str, Any]:
    """Stripe's list object. `rows` have `created_at` and `id`. Raises StripeError for invalid parameters."""
    limit = params.integer("limit", largest=100) or 10
    rows = rows.filter(_created(params))
    if before := params.text("ending_before"):
        found = list(
            rows.filter(_beside(rows, before, "gt", "ending_before")).order_by("created_at", "id")[: limit + 1]
        )
        some = found[:limit][::-1]
    else:
        after = params.text("starting_after")
        beyond = _beside(rows, after, "lt", "starting_after") if after else Q()
        found = list(rows.filter(beyond).order_by("-created_at", "-id")[: limit + 1])
        some = found[:limit]
    return {"object": "list", "data": [shape(row) for row in some], "has_more": len(found) > limit, "url": url}


def _beside(rows: QuerySet[M], name: str, side: str, param: str) -> Q:
    """The rows on that side of the row with this id, in the order of creation."""
    mark: Any = rows.model._default_manager.filter(pk=name).first()
    if mark is None:
        raise no_such("object", name, param=param)
    return Q(**{f"created_at__{side}": mark.created_at}) | Q(created_at=mark.created_at, **{f"id__{side}": mark.id})


def _created(params: Params) -> Q:
    wanted = Q()
    if exact := params.text("created"):
        wanted &= _bound(exact, "gte") & _bound(exact, "lte")
    for bound, seconds in params.group("created").items():
        if bound not in BOUNDS:
            raise invalid(f"Received unknown parameter: created[{bound}]", code="parameter_unknown", param="created")
        wanted &= _bound(seconds, bound)
    return wanted


def _bound(seconds: str, bound: str) -> Q:
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 12):
        raise invalid(f"Invalid timestamp: {seconds}", code="parameter_invalid_integer", param="created")
    lookup, more = BOUNDS[bound]
    return Q(**{f"created_at__{lookup}": datetime.fromtimestamp(int(seconds) + more, UTC)})
