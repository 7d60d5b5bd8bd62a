"""`expand[]`: replaces an id by its object.

Source: https://docs.stripe.com/api/expanding_objects
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from .. import shapes
from ..errors import invalid
from ..models import Charge, Intent, Refund

NOTHING = object()
DEEPEST = 4  # levels, as at Stripe
FOUND: dict[str, Callable[[str], dict[str, Any]]] = {
    "ch": lambda name: shapes.charge(Charge.objects.select_related("intent").get(pk=name)),
    "pi": lambda name: shapes.intent(Intent.objects.get(pk=name)),
    "re": lambda name: shapes.refund(Refund.objects.select_related("intent").get(pk=name)),
}
"""How to load an object, by the prefix of its id."""


def expanded(body: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    """The answer with the objects that `expand[]` names, such as `latest_charge` or `data.payment_intent`, in full.

    Raises StripeError for a name that is no object.
    """
    given = request.GET if request.method == "GET" else request.POST
    for name in given:
        if name.partition("[")[0] == "expand":
            for path in given.getlist(name):
                _expand(body, path.split(".")[:DEEPEST], path)
    return body


def _expand(node: Any, steps: list[str], path: str) -> None:
    if isinstance(node, list):
        for item in node:
            _expand(item, steps, path)
    elif isinstance(node, dict):
        _expand_field(node, steps, path)


def _expand_field(node: dict[str, Any], steps: list[str], path: str) -> None:
    name, rest = steps[0], steps[1:]
    if name == "refunds" and node.get("object") == "charge":
        node["refunds"] = _refunds_of(node["id"])
    node[name] = _found(node.get(name, NOTHING), path, last=not rest)
    if rest:
        _expand(node[name], rest, path)


def _found(value: Any, path: str, *, last: bool) -> Any:
    """The object of an id. An object or null stays as it is."""
    find = FOUND.get(value.partition("_")[0]) if isinstance(value, str) else None
    if find is not None:
        return find(value)
    if value is None or (isinstance(value, dict | list) and (not last or "object" in value)):
        return value
    raise invalid(f"This property cannot be expanded ({path}).", param="expand")


def _refunds_of(charge_id: str) -> dict[str, Any]:
    intent_id = Charge.objects.get(pk=charge_id).intent_id
    rows = Refund.objects.filter(intent_id=intent_id).select_related("intent")
    url = f"/v1/charges/{charge_id}/refunds"
    return {"object": "list", "data": [shapes.refund(row) for row in rows], "has_more": False, "url": url}
