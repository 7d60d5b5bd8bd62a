"""When the books were compared, for people; the cases themselves are on the desk of all sagas."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sagas.admin.base import ReadOnlyAdmin

from .models import Reconciliation


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnlyAdmin):
    """One row a night."""

    list_display = ["started_at", "span", "payments", "orders", "differences", "disputes", "ended", "cases"]
    list_display_links = ["started_at"]

    @admin.display(description="payments made", ordering="since")
    def span(self, row: Reconciliation) -> str:
        """From when to when; in one column, so that all fit."""
        return f"{row.since:%Y-%m-%d %H:%M} to {row.until:%Y-%m-%d %H:%M}"

    @admin.display(description="ended")
    def ended(self, row: Reconciliation) -> str:
        """When; a comparison that broke off says so."""
        return f"{row.ended_at:%H:%M:%S}" if row.ended_at else "under way, or broken off"

    @admin.display(description="cases")
    def cases(self, row: Reconciliation) -> SafeString:
        """The cases on the desk now."""
        runs = reverse("admin:sagas_run_changelist")
        links = '<a href="{}?saga=books">differences</a> · <a href="{}?saga=dispute">disputes</a>'
        return format_html(links, runs, runs)
