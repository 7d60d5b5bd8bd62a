"""`/_faults` and `/_ledger` of each company, and `/_companies`: each company's operations and active faults."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET, require_http_methods

from ..companies import COMPANIES
from . import fault_requests, operations
from .models import AbstractFault, AbstractLedgerEntry


@require_GET
def companies_view(_request: HttpRequest) -> HttpResponse:
    """GET /_companies: each company with its subject, its operations and its active faults."""
    return JsonResponse({"results": [company_json(name, keeps) for name, keeps in COMPANIES.items()]})


def company_json(name: str, keeps: str) -> dict[str, Any]:
    faults: Any = apps.get_model(name, "Fault")
    return {
        "name": name,
        "keeps": keeps,
        "operations": [operation.as_json() for operation in operations.of(name)],
        "faults": [fault.as_json() for fault in faults.active()],
    }


def control_urls(faults: type[AbstractFault], ledger: type[AbstractLedgerEntry]) -> list[URLPattern]:
    """The URLs with which tests and people set a company's faults and read its ledger."""
    operations.of(str(faults._meta.app_label))  # fails at the start when a company lists no operations

    @require_http_methods(["GET", "POST", "DELETE"])
    def faults_view(request: HttpRequest) -> HttpResponse:
        """GET lists all faults, used ones too. DELETE removes those of `?operation=` and `?order=`, or all."""
        if request.method == "DELETE":
            where = {name: request.GET[name] for name in ("operation", "order") if name in request.GET}
            return JsonResponse({"cleared": fault_requests.clear(faults, **where)})
        if request.method == "POST":
            return add_fault(faults, request.body)
        objects: Any = faults._default_manager
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
    """Save a fault; 400 with a sentence when it is invalid."""
    try:
        fault = fault_requests.keep(faults, body)
    except operations.NoSuch as error:
        return JsonResponse({"error": str(error)}, status=400)
    return JsonResponse(fault.as_json(), status=201)
