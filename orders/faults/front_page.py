"""The way to the fault panel, on the first page of the admin. Importing this registers it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from sagas.front.sections import Section, add_section

from . import guard
from .views import may_use


def panel(request: HttpRequest) -> dict[str, Any] | None:
    """The panel's address, for those who may use it here."""
    return {"faults": reverse("faults")} if not guard.why_off() and may_use(request) else None


add_section(Section("orders.faults", "faults/front_page.html", order=5, context=panel))
