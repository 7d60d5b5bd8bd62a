"""The inbox: what runs ask of a person, the oldest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from ..engine.diagnosis import clock
from ..front.causes_of_approvals import SHOWN, inbox

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite


def urls(site: AdminSite) -> list[URLPattern]:
    """The address of the page."""
    return [path("inbox/", site.admin_view(page), name="sagas_inbox")]


@never_cache
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """What the user may answer, and what others must. It changes nothing."""
    found = inbox(request.user)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Inbox: what runs ask of you",
        "mine": [one for one in found if one.mine],
        "others": [one for one in found if not one.mine],
        "cut": len(found) == SHOWN,
        "now": clock(),
    }
    return TemplateResponse(request, "sagas/inbox.html", context)
