"""The API's answers, made of bodies that are ready."""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse

from .errors import InvalidOrder, KeyReused, MalformedCondition, OrderChanged, PriceChanged
from .preconditions import tag_of

Headers = dict[str, str]
Errors = dict[str, list[str]]
SAID = (InvalidOrder, MalformedCondition, KeyReused, PriceChanged, OrderChanged)
"""Errors that are the client's to know."""


def tagged(body: dict[str, object], status: int, headers: Headers | None = None) -> JsonResponse:
    """An order's representation with its entity tag; `body["version"]` is the order's."""
    answer = JsonResponse(body, status=status, headers=headers)
    answer["ETag"] = str(tag_of(int(str(body["version"])), answer.content))
    answer["Cache-Control"] = "no-cache"  # it may be kept, and must be asked about each time
    return answer


def not_modified(current: HttpResponse) -> HttpResponse:
    """304: what the client has is what `current` would have been."""
    kept = {name: current[name] for name in ("ETag", "Cache-Control")}
    return HttpResponse(status=304, headers=kept)


def refusal(status: int, errors: Errors, headers: Headers | None = None, **more: object) -> JsonResponse:
    """An answer that says what was wrong, and `more` of how it stands."""
    return JsonResponse({"errors": errors, **more}, status=status, headers=headers)


def of_error(error: InvalidOrder | MalformedCondition | KeyReused | PriceChanged | OrderChanged) -> JsonResponse:
    """The answer to each of SAID."""
    match error:
        case InvalidOrder():
            return refusal(400, error.errors)
        case MalformedCondition():
            return refusal(400, {error.field: [str(error)]})
        case KeyReused():
            return refusal(422, {"Idempotency-Key": [str(error)]})
        case PriceChanged():
            return price_changed(error)
        case OrderChanged():
            return refusal(409, {"order": [str(error)]})


def price_changed(error: PriceChanged) -> JsonResponse:
    """409: both prices of each line, and both sums."""
    errors: Errors = {
        f"lines[{line.index}].unit_price": [
            f"{line.name} costs {line.now} {line.currency} now, not {line.seen}. Nothing was ordered."
        ]
        for line in error.changes
    }
    prices = [{"sku": line.sku, "seen": str(line.seen), "now": str(line.now)} for line in error.changes]
    total = {"seen": str(error.total_seen), "now": str(error.total)}
    errors["total"] = [str(error)]
    return refusal(409, errors, prices=prices, total=total, currency=error.currency)
