"""The way to the fault panel, where there is one."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse

from orders.faults import guard
from orders.faults.views import may_use

register = template.Library()


@register.simple_tag(takes_context=True)
def fault_panel(context: dict[str, Any]) -> str:
    """The panel's address, for those who may use it here; else empty."""
    request = context.get("request")
    return reverse("faults") if request is not None and not guard.why_off() and may_use(request) else ""
