"""What the admin's lists of this app have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from .wording import Face

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]  # Django's own class takes no type arguments
else:
    ModelAdmin = admin.ModelAdmin


class ReadOnlyAdmin(ModelAdmin):
    """Rows may be looked at; they are changed by acts that are recorded."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would count the table
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def badge(face: Face) -> SafeString:
    """How something looks, as HTML."""
    html = '<span class="badge {}"><span class="icon" aria-hidden="true">{}</span>{}</span>'
    return format_html(html, face.tone, face.icon, face.text)
