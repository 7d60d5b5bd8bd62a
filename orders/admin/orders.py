"""Orders in the admin, to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Q
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sagas.models import Run

from ..choreography.trail.admin import TrailAdmin, run_url
from ..coordination.choose import coordinator_of
from ..desk.search import Listed, orders
from ..models import CancelRequest, Notice, Order, OrderLine
from ..money import shown
from .base import ReadOnly, runs_about

if TYPE_CHECKING:
    LinesBase = admin.TabularInline[OrderLine, Order]
    RequestsBase = admin.TabularInline[CancelRequest, Order]
    NoticesBase = admin.TabularInline[Notice, Order]
    OrderBase = admin.ModelAdmin[Order]
else:  # Django's own classes take no type arguments
    LinesBase = RequestsBase = NoticesBase = admin.TabularInline
    OrderBase = admin.ModelAdmin


class LineInline(ReadOnly, LinesBase):
    """The lines of an order."""

    model = OrderLine
    fields = ["sku", "name", "unit_price", "quantity"]
    extra = 0


class CancelRequestInline(ReadOnly, RequestsBase):
    """That the customer asked to cancel, and what they were told."""

    model = CancelRequest
    fields = ["asked_at", "answer", "charge_begun_at"]
    verbose_name_plural = "the customer asked to cancel"
    extra = 0


class NoticeInline(ReadOnly, NoticesBase):
    """The letters to its customer. One that was begun and not sent may have gone out all the same."""

    model = Notice
    fields = ["kind", "begun_at", "sent_at", "message_id"]
    extra = 0
    verbose_name_plural = "letters"


@admin.register(Order)
class OrderAdmin(ReadOnly, Listed, TrailAdmin, OrderBase):
    """Orders, newest first."""

    list_display = ["number", "status", "status_reason", "email", "amount", "created_at"]
    list_filter = ["status", "coordination", "created_at"]
    search_fields = ["number", "email", "id"]  # that there is a search; what it does is `found`
    search_help_text = "Order number, with S- or without; a part of the e-mail; id; or a day, such as 2026-11-28"
    inlines = [LineInline, CancelRequestInline, NoticeInline]
    fields = readonly_fields = (
        "number",
        "status",
        "status_reason",
        "email",
        "payment_method",
        "amount",
        "taken",
        "payment_intent",
        "tracking",
        "coordination",
        "saga",
        "cases",
        "trail",
        "created_at",
        "updated_at",
        "version",
    )

    def found(self, word: str) -> Q:
        """The orders that one word means."""
        return orders(word)

    @admin.display(description="total")
    def amount(self, order: Order) -> str:
        """The total with its currency."""
        return f"{order.total} {order.currency}"

    @admin.display(description="charged", ordering="charged")
    def taken(self, order: Order) -> str:
        """What the card was charged, refunds aside."""
        return shown(order.charged, order.currency)

    @admin.display(description="cases")
    def cases(self, order: Order) -> SafeString:
        """A link to all runs about the order: of its returns, its disputes, and differences between the books."""
        return runs_about(order.number)

    @admin.display(description="saga")
    def saga(self, order: Order) -> SafeString | str:
        """A link to the run that carries the order."""
        run = Run.objects.filter(key=order.saga_key).first()
        if run is None:
            return "none" if coordinator_of(order).has_run else "none: events alone carry it"
        return format_html('<a href="{}">{} ({})</a>', run_url(order), run.name, run.get_status_display())
