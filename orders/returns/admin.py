"""Returns in the admin: to look at. What can be done about one that is stuck is done to its run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from orders.admin.base import ReadOnly
from orders.admin.orders import OrderAdmin
from orders.desk.search import NEWEST, Listed
from orders.models import Order
from sagas.models import Run

from .models import Letter, Return, ReturnLine
from .search import returns

if TYPE_CHECKING:
    LinesBase = admin.TabularInline[ReturnLine, Return]
    LettersBase = admin.TabularInline[Letter, Return]
    ReturnsBase = admin.TabularInline[Return, Order]
    ReturnBase = admin.ModelAdmin[Return]
else:  # Django's own classes take no type arguments
    LinesBase = LettersBase = ReturnsBase = admin.TabularInline
    ReturnBase = admin.ModelAdmin


class LineInline(ReadOnly, LinesBase):
    """The lines of a return."""

    model = ReturnLine
    fields = ["line", "quantity"]
    extra = 0


class LetterInline(ReadOnly, LettersBase):
    """The letters to the customer. One that was begun and not sent may have gone out all the same."""

    model = Letter
    fields = ["kind", "begun_at", "sent_at", "message_id"]
    extra = 0


@admin.register(Return)
class ReturnAdmin(ReadOnly, Listed, ReturnBase):
    """Returns, newest first."""

    list_display = ["number", "status", "status_reason", "order", "money", "refunded_at", "created_at"]
    list_filter = ["status", "created_at"]
    list_select_related = ["order"]
    search_fields = ["number", "order__number", "order__email", "refund_id"]  # what the search does is `found`
    search_help_text = (
        "Number of the return or the order, with its letter or without; refund; id; a part of the e-mail, or a day, of "
        f"the newest {NEWEST} such orders"
    )
    inlines = [LineInline, LetterInline]
    fields = readonly_fields = (
        "number",
        "status",
        "status_reason",
        "order_link",
        "reason",
        "money",
        "parcel",
        "refund_id",
        "refunded_at",
        "runs",
        "created_at",
        "updated_at",
        "version",
    )

    def found(self, word: str) -> Q:
        """The returns that one word means."""
        return returns(word)

    @admin.display(description="amount")
    def money(self, returned: Return) -> str:
        """What is given back, with its currency."""
        return f"{returned.amount} {returned.currency}"

    @admin.display(description="order")
    def order_link(self, returned: Return) -> SafeString:
        """The order it comes from."""
        where = reverse("admin:orders_order_change", args=[returned.order_id])
        return format_html('<a href="{}">{}</a>', where, returned.order.number)

    @admin.display(description="runs")
    def runs(self, returned: Return) -> SafeString | str:
        """The run that carries the return, and those that brought a failed refund to the desk."""
        failed = Q(name="failed_refund", key__startswith=f"refund:{returned.pk}:")
        found = Run.objects.filter(Q(name="return", key=returned.saga_key) | failed).order_by("created_at")
        links = (
            (reverse("admin:sagas_run_change", args=[run.pk]), run.name, run.get_status_display()) for run in found
        )
        return format_html_join(", ", '<a href="{}">{} ({})</a>', links) or "none is kept any more"


class ReturnsInline(ReadOnly, ReturnsBase):
    """The returns on their order's page."""

    model = Return
    fields = readonly_fields = ("number", "status", "status_reason", "amount", "refunded_at")
    show_change_link = True
    extra = 0


OrderAdmin.inlines = [*OrderAdmin.inlines, ReturnsInline]
