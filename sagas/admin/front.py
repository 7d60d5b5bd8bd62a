"""The first page of the admin: what needs a person, what waits, what moves; and its search box.

It takes the place of Django's page, which stands in it behind a link, unless the site has a page of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from outbox.messages.texts import plain

from ..front import search

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite

TEMPLATE = "sagas/front.html"
LONGEST = 200  # characters of a search


def urls(site: AdminSite) -> list[URLPattern]:
    """The addresses of the page's parts."""
    return [
        path("front/", site.admin_view(live), name="sagas_front"),
        path("front/parts/", site.admin_view(parts), name="sagas_front_parts"),
        path("find/", site.admin_view(find), name="sagas_find"),
    ]


@never_cache
@require_GET
def live(request: HttpRequest) -> HttpResponse:
    """The part of the page that moves."""
    return TemplateResponse(request, "sagas/front_live.html")


@never_cache
@require_GET
def parts(request: HttpRequest) -> HttpResponse:
    """The parts that apps give the page: who works, and what else they show."""
    return TemplateResponse(request, "sagas/front_parts.html", admin.site.each_context(request))


@require_GET
def find(request: HttpRequest) -> HttpResponse:
    """What the text `q` means, by kind. A single hit redirects to its page, no text to the first page."""
    text = plain(request.GET.get("q", ""))[:LONGEST].strip()
    if not text:
        return HttpResponseRedirect(reverse("admin:index"))
    found = search.find(text, request.user)
    if (hit := search.only(found)) is not None:
        return HttpResponseRedirect(hit.url)
    context: dict[str, Any] = {**admin.site.each_context(request), "title": f"Found for “{text}”", "found": found}
    return TemplateResponse(request, "sagas/found.html", {**context, "sought": text})


if admin.site.index_template is None:  # else the site has a page of its own, and may show `sagas/front_live.html` there
    admin.site.index_template = TEMPLATE
