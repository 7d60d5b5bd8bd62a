"""Dead letters: each with its reason, to be requeued one by one or many at a bounded rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.views.decorators.http import require_POST

from ..models import DeadLetter
from ..operations import bulk_requeue
from ..operations.audit import record
from ..operations.requeue import requeue
from . import confirmation
from .base import DeclaredValueFilter, DestinationFilter, SubscriberFilter, TypeFilter, format_moment, two_lines
from .detail import EnvelopeAdmin, trace_of

SHOWN = 140  # characters of an error that a list shows
SAMPLE = 10  # messages that a preview names
GROUPS = 30  # kinds of failure that a preview names
NEWEST = 1_000  # dead letters whose error classes can be chosen


class RequeueForm(confirmation.OptionalReasonForm):
    """How many a second, and the reason."""

    rate = forms.FloatField(
        label="A second",
        initial=bulk_requeue.RATE,
        min_value=0.01,
        max_value=1000,
        help_text="The relays requeue that many a second. You may close the page, and you can stop it.",
    )
    before = forms.DateTimeField(widget=forms.HiddenInput)


class ErrorFilter(DeclaredValueFilter):
    """By the error class, of the newest dead letters only: looking up all would read the whole table."""

    title, parameter_name = "error class", "error_class"

    def values(self) -> list[str]:
        newest = DeadLetter.objects.order_by("-died_at").values_list("error_class", flat=True)[:NEWEST]
        return sorted(set(newest))

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = request.GET.get("error_class")
        return [(value, value) for value in sorted({*self.values(), *([chosen] if chosen else [])})]


@admin.register(DeadLetter)
class DeadLetterAdmin(EnvelopeAdmin):
    """Dead letters, the newest first."""

    list_display = ("about", "where", "why", "died")
    list_filter = (DestinationFilter, TypeFilter, SubscriberFilter, ErrorFilter)
    ordering = ("-died_at",)
    actions = ("requeue_selected", "requeue_many")

    @admin.display(description="message")
    def about(self, dead: DeadLetter) -> SafeString:
        return two_lines(dead.type, dead.key or "no key")

    @admin.display(description="given up by")
    def where(self, dead: DeadLetter) -> SafeString:
        return two_lines(dead.subscriber or "the relay", f"to {dead.destination or '—'}, attempts: {dead.attempts}")

    @admin.display(description="why")
    def why(self, dead: DeadLetter) -> SafeString:
        return two_lines(dead.error_class, Truncator(dead.error).chars(SHOWN))

    @admin.display(description="given up at")
    def died(self, dead: DeadLetter) -> SafeString:
        turn = f"requeued at {format_moment(dead.requeue_at)}, by {dead.requeue_by}" if dead.requeue_at else ""
        return two_lines(format_moment(dead.died_at), turn)

    def facts(self, row: DeadLetter) -> Iterator[tuple[str, object]]:
        yield "Given up by", row.subscriber or f"the relay to {row.destination}"
        yield "Given up at", format_moment(row.died_at)
        yield "Attempts", row.attempts
        if row.requeue_at:
            yield "Will be requeued", f"{format_moment(row.requeue_at)}, by {row.requeue_by}"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of one dead letter, with the act to requeue it."""
        more = {"may_requeue": self.has_requeue_permission(request), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, more)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        waiting = DeadLetter.objects.filter(requeue_at__isnull=False)[: bulk_requeue.MOST].count()
        may = self.has_requeue_permission(request)
        return super().changelist_view(request, {**(extra_context or {}), "turns": waiting, "may_stop": may})

    # --- The acts ----------------------------------------------------------------------------------------------------

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("outbox.requeue_deadletter")

    def get_urls(self) -> list[URLPattern]:
        stop = self.admin_site.admin_view(require_POST(self.stop_view))
        own = [
            path("stop/", stop, name="outbox_deadletter_stop"),
            path("requeue/", self.admin_site.admin_view(self.requeue_view), name="outbox_deadletter_requeue"),
        ]
        return [*own, *super().get_urls()]

    def requeue_view(self, request: HttpRequest) -> HttpResponse:
        """The preview of a requeue of all that the list with this query shows (GET), or its order (POST)."""
        if not self.has_requeue_permission(request):
            raise PermissionDenied
        try:
            chosen = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters as error:
            raise Http404("The list of dead letters knows no such filter.") from error
        answer = self.requeue_many(request, chosen.filter(requeue_at=None))
        return answer or HttpResponseRedirect(reverse("admin:outbox_deadletter_changelist"))

    def stop_view(self, request: HttpRequest) -> HttpResponse:
        """Cancel the scheduled requeues (POST)."""
        if not self.has_requeue_permission(request):
            raise PermissionDenied
        with transaction.atomic():
            first = DeadLetter.objects.filter(requeue_at__isnull=False).first()
            left = bulk_requeue.stop()
            if first is not None:
                record(request.user, first, f"Stopped the requeue of {left} dead letters.")  # type: ignore[arg-type]
        self.message_user(request, f"Stopped: {left} stay where they are.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:outbox_deadletter_changelist"))

    @admin.action(description="Requeue selected dead letters", permissions=["requeue"])
    def requeue_selected(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        """Requeue each, record who did it, and say how many were requeued and how many were not."""
        done = skipped = 0
        for dead in queryset.order_by("position", "died_at"):
            with transaction.atomic():  # the act and its record commit together
                requeued = requeue(dead.pk)
                if requeued:
                    change = f"Requeued to {dead.subscriber or 'the outbox'} after {dead.attempts} attempts: "
                    record(request.user, dead, change + dead.error)  # type: ignore[arg-type]
            done += requeued
            skipped += not requeued
        self.message_user(request, f"Requeued {done}.", messages.SUCCESS if done else messages.WARNING)
        if skipped:
            self.message_user(request, f"Skipped {skipped}: another person requeued them.", messages.WARNING)

    @admin.action(description="Requeue many, at a bounded rate …", permissions=["requeue"])
    def requeue_many(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> HttpResponse | None:
        """A preview that counts them by kind of failure; then each gets a time, and the relays requeue it."""
        form = confirmation.bound_form(request, RequeueForm)
        if form.is_bound and form.is_valid():
            self._order(request, queryset.filter(died_at__lte=form.cleaned_data["before"]), form.cleaned_data)
            return None
        if not form.is_bound:
            form.initial["before"] = timezone.now().isoformat()
        return confirmation.ask(self, request, form, **_preview(queryset))

    def _order(self, request: HttpRequest, chosen: QuerySet[DeadLetter], given: dict[str, Any]) -> None:
        ids = list(chosen.order_by("position", "died_at").values_list("pk", flat=True)[: bulk_requeue.MOST + 1])
        try:
            with transaction.atomic():
                ordered = bulk_requeue.start(ids, actor=request.user, rate=given["rate"])  # type: ignore[arg-type]
                if ordered:
                    why = f" ({given['reason']})" if given["reason"] else ""
                    what = f"Ordered the requeue of {ordered} dead letters, {given['rate']:g} a second{why}."
                    record(request.user, DeadLetter.objects.get(pk=ids[0]), what)  # type: ignore[arg-type]
        except bulk_requeue.NotPossible as error:
            self.message_user(request, f"Nothing was done. {error}", messages.ERROR)
            return
        self.message_user(request, f"{ordered} will be requeued, {given['rate']:g} a second.", messages.SUCCESS)


def _preview(chosen: QuerySet[DeadLetter]) -> dict[str, Any]:
    count = chosen.count()
    kinds = chosen.order_by().values("error_class", "type", "subscriber").annotate(number=Count("pk"))
    return {
        "action": "requeue_many",
        "title": "Requeue many?",
        "explains": "Each returns with all its attempts: to the subscriber that gave it up, or to the "
        "outbox. Correct the cause first; a message that fails again becomes a dead letter again.",
        "button": f"Requeue {count}",
        "count": count,
        "kinds": kinds.order_by("-number", "error_class", "type")[:GROUPS],
        "sample": [(dead, trace_of(dead)) for dead in chosen.order_by("position", "died_at")[:SAMPLE]],
    }
