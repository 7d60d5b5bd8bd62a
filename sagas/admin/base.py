"""What the admin's pages of this app share."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from outbox.operations.listing import BoundedPaginator

from ..presentation.labels import Badge

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]  # Django's own class takes no type arguments
else:
    ModelAdmin = admin.ModelAdmin


class ReadOnlyAdmin(ModelAdmin):
    """A list that changes nothing: rows are changed only by acts, which are recorded."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would count the table
    list_per_page = 50
    paginator = BoundedPaginator

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list under the plural name of its model, since Django's title says *select … to change*."""
        title = str(self.opts.verbose_name_plural).capitalize()
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def said_at(moment: datetime) -> str:
    """A moment in the site's time zone: `2026-03-04 14:02:05`."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"


def badge_html(badge: Badge) -> SafeString:
    """The badge as HTML."""
    html = '<span class="badge {}"><span class="icon" aria-hidden="true">{}</span>{}</span>'
    return format_html(html, badge.tone, badge.icon, badge.text)


def pretty_json(value: Any) -> str:
    """JSON, indented, for people to read and edit."""
    return json.dumps(value, indent=2, ensure_ascii=False)
