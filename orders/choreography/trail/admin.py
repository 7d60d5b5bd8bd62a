"""The trail's place in the admin: a page of each order, and what an operator can do there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from orders.models import Order
from sagas.models import Run
from sagas.presentation.labels import Badge

from .. import turning, watchdog
from .page import TrailPage

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Order]
else:
    Base = object  # ahead of ModelAdmin among the bases of `OrderAdmin`

STATUS = {
    Order.Status.PROCESSING: Badge("▶", "busy", ""),
    Order.Status.CONFIRMED: Badge("✓", "ok", ""),
    Order.Status.CANCELLING: Badge("↩", "wait", ""),
    Order.Status.CANCELLED: Badge("↺", "calm", ""),
    Order.Status.NEEDS_ATTENTION: Badge("!", "bad", ""),
}
PUBLISHES = "outbox.requeue_deadletter"
"""The permission to publish once more what was published before."""
UNDOES = "sagas.compensate_run"
"""The permission to have an order undone, whichever way it is carried."""
CLOSES = "sagas.resolve_run"
"""The permission to say that an order is settled outside."""


class TrailAdmin(Base):
    """For an admin of orders."""

    def get_urls(self) -> list[URLPattern]:
        pages = [
            path("<uuid:order_id>/trail/", self.admin_site.admin_view(self.trail_view), name="orders_order_trail"),
            path("<uuid:order_id>/again/", self.admin_site.admin_view(self.again_view), name="orders_order_again"),
            path("<uuid:order_id>/undo/", self.admin_site.admin_view(self.undo_view), name="orders_order_undo"),
            path("<uuid:order_id>/close/", self.admin_site.admin_view(self.close_view), name="orders_order_close"),
        ]
        return [*pages, *super().get_urls()]

    @admin.display(description="trail")
    def trail(self, order: Order) -> SafeString:
        """A link to the order's events."""
        return format_html('<a href="{}">its events, and what led to what</a>', trail_url(order.pk))

    @method_decorator(never_cache)
    def trail_view(self, request: HttpRequest, order_id: UUID) -> HttpResponse:
        """The picture of the order's events."""
        order = get_object_or_404(Order, pk=order_id)
        if not self.has_view_permission(request, order) or not request.user.has_perm("outbox.view_publishedmessage"):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "page": TrailPage.of(order),
            "status": STATUS[Order.Status(order.status)],
            "run_url": run_url(order),
            "may_publish": request.user.has_perm(PUBLISHES),
            "may_undo": request.user.has_perm(UNDOES),
            "may_close": request.user.has_perm(CLOSES),
        }
        return TemplateResponse(request, "orders/trail.html", context)

    @method_decorator(require_POST)
    def again_view(self, request: HttpRequest, order_id: UUID) -> HttpResponse:
        """Publish the order's last event once more, and record who had that done."""
        order = self._order_for(request, order_id, PUBLISHES)
        with transaction.atomic():  # the act and its record, or neither
            published = watchdog.publish_again(order.pk)
            if published:
                self._record(request, order, f"Published {published} again")
        if published:
            messages.success(request, f"Published {published} again: look again in a moment.")
        else:
            messages.warning(request, "Published nothing: the order has ended, or no events carry it.")
        return HttpResponseRedirect(trail_url(order.pk))

    @method_decorator(require_POST)
    def undo_view(self, request: HttpRequest, order_id: UUID) -> HttpResponse:
        """Have the order undone while the card is not charged, and record who wanted that, and why."""
        order = self._order_for(request, order_id, UNDOES)
        reason = self._reason(request)
        if not reason:
            return HttpResponseRedirect(trail_url(order.pk))
        with transaction.atomic():
            turned = turning.cancel_by_hand(order.pk, reason)
            if turned:
                self._record(request, order, f"Had the order undone: {reason}")
        if turned:
            messages.success(request, "All who did something for the order undo it: look again in a moment.")
        else:
            messages.warning(request, "Nothing was done: the capture was asked for, or the order has turned or ended.")
        return HttpResponseRedirect(trail_url(order.pk))

    @method_decorator(require_POST)
    def close_view(self, request: HttpRequest, order_id: UUID) -> HttpResponse:
        """Say that an order counts as undone, settled outside, and record who said so, and why."""
        order = self._order_for(request, order_id, CLOSES)
        reason = self._reason(request)
        if not reason:
            return HttpResponseRedirect(trail_url(order.pk))
        with transaction.atomic():
            closed = turning.close_by_hand(order.pk)
            if closed:
                self._record(request, order, f"Closed it as undone, it was {order.status}: {reason}")
        if closed:
            messages.success(request, "The order counts as undone, and the customer is told. No company was called.")
        else:
            messages.warning(
                request, "Nothing was done: it goes on by itself, is being returned, or its saga's desk closes it."
            )
        return HttpResponseRedirect(trail_url(order.pk))

    def _reason(self, request: HttpRequest) -> str:
        reason = request.POST.get("reason", "").strip()[:500]
        if not reason or "\0" in reason:
            messages.error(request, "Nothing was done: give a reason, in text.")
            return ""
        return reason

    def _order_for(self, request: HttpRequest, order_id: UUID, permission: str) -> Order:
        order = get_object_or_404(Order, pk=order_id)
        if not self.has_view_permission(request, order) or not request.user.has_perm(permission):
            raise PermissionDenied
        return order

    def _record(self, request: HttpRequest, order: Order, change: str) -> None:
        LogEntry.objects.log_actions(cast(int, request.user.pk), cast(Any, [order]), CHANGE, change_message=change)


def trail_url(order_id: UUID) -> str:
    """Where the order's trail is drawn."""
    return reverse("admin:orders_order_trail", args=[order_id])


def run_url(order: Order) -> str:
    """The page of the run that carries the order; empty when none does."""
    run = Run.objects.filter(key=order.saga_key).first()
    return reverse("admin:sagas_run_change", args=[run.pk]) if run else ""
