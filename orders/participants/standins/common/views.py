"""`/_faults` and `/_ledger` of each participant, and the front page."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET, require_http_methods

from .models import AbstractFault, AbstractLedgerEntry

FIELDS = {"operation": str, "kind": str, "order": str, "times": int, "delay": (int, float), "code": str}


def control_urls(faults: type[AbstractFault], ledger: type[AbstractLedgerEntry]) -> list[URLPattern]:
    """The addresses by which tests and people set a participant's faults and read what it did."""

    @require_http_methods(["GET", "POST", "DELETE"])
    def faults_view(request: HttpRequest) -> HttpResponse:
        objects: Any = faults._default_manager
        if request.method == "DELETE":
            objects.all().delete()
            return HttpResponse(status=204)
        if request.method == "POST":
            return add_fault(faults, request.body)
        return JsonResponse({"results": [fault.as_json() for fault in objects.order_by("id")]})

    @require_http_methods(["DELETE"])
    def fault_view(_request: HttpRequest, pk: int) -> HttpResponse:
        objects: Any = faults._default_manager
        objects.filter(pk=pk).delete()
        return HttpResponse(status=204)

    @require_GET
    def ledger_view(request: HttpRequest) -> HttpResponse:
        objects: Any = ledger._default_manager
        wanted = {"order": request.GET["order"]} if "order" in request.GET else {}
        entries: Iterable[AbstractLedgerEntry] = objects.filter(**wanted)
        return JsonResponse({"results": [entry.as_json() for entry in entries]})

    return [
        path("_faults", faults_view),
        path("_faults/<int:pk>", fault_view),
        path("_ledger", ledger_view),
    ]


def add_fault(faults: type[AbstractFault], body: bytes) -> HttpResponse:
    """Keep a fault; 400 with a sentence when it makes no sense."""
    try:
        values = {name: value for name, value in json.loads(body or b"{}").items() if value is not None}
        unknown = set(values) - set(FIELDS)
        wrong = [name for name in set(values) - unknown if not isinstance(values[name], FIELDS[name])]  # type: ignore[arg-type]
        if unknown or wrong:
            raise ValidationError(f"Unknown: {sorted(unknown)}; of the wrong type: {wrong}. Known: {sorted(FIELDS)}.")
        fault = faults(**values)
        for_good = {"times"} if fault.times is None else set()  # no number means until it is removed
        fault.full_clean(exclude=for_good, validate_unique=False, validate_constraints=False)
    except (ValueError, AttributeError, ValidationError) as error:
        return JsonResponse({"error": f"No such fault: {error}"}, status=400)
    fault.save()
    return JsonResponse(fault.as_json(), status=201)
