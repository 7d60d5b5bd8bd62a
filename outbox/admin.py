"""The operators' window: everything read-only, one action."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from . import codec, health
from .models import DeadLetter, Delivery, InboxEntry, OutboxMessage, PublishedMessage, Shard
from .requeue import requeue

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]  # a class that takes parameters only in the eyes of the type checker
else:
    ModelAdmin = admin.ModelAdmin


class ReadOnlyAdmin(ModelAdmin):
    """Rows may be looked at. The age of the oldest unpublished message stands above every list."""

    show_full_result_count = False  # tables may be large: no second count
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = f"{self.opts.verbose_name_plural}: {self.standing()}".capitalize()
        return super().changelist_view(request, {**(extra_context or {}), "title": title})

    def standing(self) -> str:
        """What the page's heading says of how things stand."""
        return waiting()


def waiting() -> str:
    """One sentence on how the relay keeps up."""
    age = health.oldest_unpublished_age()
    if age is None:
        return "nothing waits to be published"
    return f"the oldest unpublished message waits {timedelta(seconds=round(age.total_seconds()))}"


class EnvelopeAdmin(ReadOnlyAdmin):
    """Search by key and message id."""

    search_fields = ("=key", "=message_id")
    search_help_text = "A key such as order:42, or a message id, in full."
    list_filter: ClassVar[tuple[str, ...]] = ("type",)

    @admin.display(description="trace")
    def trace(self, row: OutboxMessage | PublishedMessage | DeadLetter) -> str:
        """The 32 hex digits that the log lines of the same request carry."""
        try:
            return codec.decode(dict[str, str], row.headers)["traceparent"][3:35]
        except (ValueError, KeyError):
            return "unreadable"


@admin.register(OutboxMessage)
class OutboxMessageAdmin(EnvelopeAdmin):
    list_display = ("type", "key", "created_at", "attempts", "due_at", "last_error", "trace")
    ordering = ("id",)


@admin.register(PublishedMessage)
class PublishedMessageAdmin(EnvelopeAdmin):
    list_display = ("type", "key", "created_at", "published_at", "trace")
    ordering = ("-message_id",)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("subscriber", "message_id", "attempts", "due_at", "last_error", "created_at")
    list_filter = ("subscriber",)
    search_fields = ("=message_id",)
    ordering = ("due_at",)

    def standing(self) -> str:
        return f"{health.bounded(health.status().overdue)} overdue"


@admin.register(InboxEntry)
class InboxEntryAdmin(ReadOnlyAdmin):
    list_display = ("subscriber", "message_id", "handled_at")
    list_filter = ("subscriber",)
    search_fields = ("=message_id",)
    ordering = ("-message_id",)


@admin.register(Shard)
class ShardAdmin(ReadOnlyAdmin):
    list_display = ("destination", "shard", "owner", "epoch", "until", "paused")
    ordering = ("destination", "shard")


@admin.register(DeadLetter)
class DeadLetterAdmin(EnvelopeAdmin):
    list_display = ("type", "key", "subscriber", "error_class", "error", "attempts", "died_at", "trace")
    list_filter = ("type", "subscriber", "error_class")
    ordering = ("-died_at",)
    actions = ("requeue_selected",)

    def standing(self) -> str:
        return f"{health.bounded(health.dead_letters())} wait for a person"

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("outbox.requeue_deadletter")

    @admin.action(description="Requeue selected dead letters", permissions=["requeue"])
    def requeue_selected(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        """Requeue each, record who did, and say how many were and were not."""
        done = skipped = 0
        for dead in queryset.order_by("died_at"):
            with transaction.atomic():  # the act and its record, or neither
                requeued = requeue(dead.pk)
                if requeued:
                    self._record(request, dead)
            done += requeued
            skipped += not requeued
        self.message_user(request, f"Requeued {done}.", messages.SUCCESS if done else messages.WARNING)
        if skipped:
            self.message_user(request, f"Skipped {skipped}: requeued by somebody else.", messages.WARNING)

    def _record(self, request: HttpRequest, dead: DeadLetter) -> None:
        change = f"Requeued to {dead.subscriber or 'the outbox'} after {dead.attempts} attempts: {dead.error}"
        LogEntry.objects.log_actions(cast(int, request.user.pk), [dead], CHANGE, change_message=change)
