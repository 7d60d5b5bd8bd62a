"""The page at /: each company's faults, and its latest effects."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from .common import operations
from .companies import COMPANIES

LATEST = 20


@require_safe
def front_page(request: HttpRequest) -> HttpResponse:
    """HTML for people; programs read `/_companies`, `/<company>/_faults` and `/<company>/_ledger`."""
    companies = [company(name, keeps) for name, keeps in COMPANIES.items()]
    stock = apps.get_model("warehouse", "Stock")._default_manager.all()
    base = request.build_absolute_uri("/")[:-1]
    context = {
        "companies": companies,
        "stock": stock,
        "latest": LATEST,
        "base": base,
        "kinds": operations.CALLED.items(),
    }
    return render(request, "front.html", context)


def company(name: str, keeps: str) -> dict[str, Any]:
    """A company's active faults, and its latest effects, newest first."""
    faults: Any = apps.get_model(name, "Fault")
    ledger = apps.get_model(name, "LedgerEntry")._default_manager.order_by("-id")
    return {
        "name": name,
        "keeps": keeps,
        "operations": operations.of(name),
        "faults": faults.active(),
        "entries": ledger[:LATEST],
        "count": ledger.count(),
    }
