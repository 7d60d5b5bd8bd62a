"""The API's answers, made of bodies that are ready: the same for orders, trips and returns."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse

from ..errors import (
    InvalidOrder,
    KeyInUse,
    KeyReused,
    MalformedCondition,
    NotFound,
    OrderChanged,
    PriceChange,
    PriceChanged,
)
from . import etags
from .etags import Condition, tag_of

Headers = dict[str, str]
Errors = dict[str, list[str]]
Body = dict[str, object]
SAID = (InvalidOrder, MalformedCondition, NotFound, KeyReused, KeyInUse, PriceChanged, OrderChanged)
"""Errors that are the client's to know."""
REPLAYED = "Idempotent-Replayed"
"""As Stripe calls it: the answer is that of an earlier request."""
SOON = "1"
"""Seconds after which a request whose first try is under way is worth another."""


def made(body: Body, address: str, *, created: bool) -> JsonResponse:
    """201 for what a POST made, now or, as REPLAYED then says, before."""
    return tagged(body, 201, {"Location": address} if created else {"Location": address, REPLAYED: "true"})


def shown(request: HttpRequest, body: Body, thing: str) -> HttpResponse:
    """200 with what a GET asks for; 304 when it is what If-None-Match names, 412 when it is not what If-Match names.

    Raises MalformedCondition.
    """
    must, unless = condition(request, "If-Match"), condition(request, "If-None-Match")
    current = tagged(body, 200)
    if must is not None and not must.matches_strongly(current["ETag"]):
        return changed(body, thing)
    if unless is not None and unless.matches_weakly(current["ETag"]):
        return HttpResponse(status=304, headers={name: current[name] for name in ("ETag", "Cache-Control")})
    return current


def changed(body: Body, thing: str) -> JsonResponse:
    """412: how the thing stands, so that the client can decide anew."""
    message = f"The {thing} is not as If-Match says. Look at it as it is now, and send the ETag of that."
    return refusal(412, {"If-Match": [message]}, {"ETag": tagged(body, 200)["ETag"]}, **{thing: body})


def condition(request: HttpRequest, name: str) -> Condition | None:
    """What the header field demands; None when it was not sent. Raises MalformedCondition."""
    return etags.parse(name, request.headers.get(name))


def tagged(body: Body, status: int, headers: Headers | None = None) -> JsonResponse:
    """A representation with its entity tag; `body["version"]` is the version of what it shows."""
    answer = JsonResponse(body, status=status, headers=headers)
    answer["ETag"] = str(tag_of(int(str(body["version"])), answer.content))
    answer["Cache-Control"] = "no-cache"  # it may be kept, and must be asked about each time
    return answer


def refusal(status: int, errors: Errors, headers: Headers | None = None, **more: object) -> JsonResponse:
    """An answer that says what was wrong, and `more` of how it stands."""
    return JsonResponse({"errors": errors, **more}, status=status, headers=headers)


def of_error(error: Exception) -> JsonResponse:
    """The answer to each of SAID; any other is raised again."""
    match error:
        case InvalidOrder():
            return refusal(400, error.errors)
        case MalformedCondition():
            return refusal(400, {error.field: [str(error)]})
        case NotFound():
            return refusal(404, {error.thing: [str(error)]})
        case KeyReused():
            return refusal(422, {"Idempotency-Key": [str(error)]})
        case KeyInUse():
            return refusal(409, {"Idempotency-Key": [str(error)]}, {"Retry-After": SOON})
        case PriceChanged():
            return price_changed(error)
        case OrderChanged():
            return refusal(409, {error.thing: [str(error)]})
    raise error


def price_changed(error: PriceChanged) -> JsonResponse:
    """409: both prices of each line, and both sums."""
    errors: Errors = {f"lines[{line.index}].unit_price": [changed_line(line)] for line in error.changes}
    prices = [{"sku": line.sku, "seen": str(line.seen), "now": str(line.now)} for line in error.changes]
    total = {"seen": str(error.total_seen), "now": str(error.total)}
    errors["total"] = [str(error)]
    more: Body = {"prices": prices, "total": total, "currency": error.currency}
    if error.seen_currency != error.currency:
        more["seen_currency"] = error.seen_currency
    return refusal(409, errors, None, **more)


def changed_line(line: PriceChange) -> str:
    """Both prices of a line, with the currency that was seen where it is another one now."""
    seen = line.seen if line.seen_currency == line.currency else f"{line.seen} {line.seen_currency}"
    return f"{line.name} costs {line.now} {line.currency} now, not {seen}. Nothing was ordered."
