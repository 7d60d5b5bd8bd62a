"""What the shop's pages in the admin share."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString


class ReadOnly:
    """Rows are changed by the program, through `orders.placing`, and never by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def runs_about(number: str) -> SafeString:
    """A link to all runs that name an order or a trip."""
    where = f"{reverse('admin:sagas_run_changelist')}?{urlencode({'state': 'all', 'q': number})}"
    return format_html('<a href="{}">all runs about {}</a>', where, number)
