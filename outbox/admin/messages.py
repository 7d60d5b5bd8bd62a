"""Unpublished messages, the history, open deliveries, and the inbox."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from ..models import Delivery, InboxEntry, OutboxMessage, PublishedMessage
from .base import DestinationFilter, SearchableAdmin, SubscriberFilter, TypeFilter, format_moment, two_lines
from .detail import EnvelopeAdmin, trace_of

SHOWN = 140  # characters of an error that a list shows


@admin.register(OutboxMessage)
class OutboxMessageAdmin(EnvelopeAdmin):
    """Unpublished messages, the oldest first."""

    list_display = ("about", "to", "written", "failed_tries")
    list_filter = (DestinationFilter, TypeFilter)
    ordering = ("id",)

    @admin.display(description="message")
    def about(self, row: OutboxMessage) -> SafeString:
        return two_lines(row.type, row.key or "no key")

    @admin.display(description="to")
    def to(self, row: OutboxMessage) -> SafeString:
        return two_lines(row.destination, f"shard {row.shard}")

    @admin.display(description="written, trace")
    def written(self, row: OutboxMessage) -> SafeString:
        return two_lines(format_moment(row.created_at), trace_of(row))

    @admin.display(description="tries that failed")
    def failed_tries(self, row: OutboxMessage) -> SafeString:
        if not row.attempts:
            return two_lines("none", "")
        return two_lines(f"{row.attempts}; due {format_moment(row.due_at)}", Truncator(row.last_error).chars(SHOWN))

    def facts(self, row: OutboxMessage) -> Iterator[tuple[str, object]]:
        yield "To", f"{row.destination}, shard {row.shard}"
        yield "Tries that failed", row.attempts
        yield "Due", format_moment(row.due_at)
        if row.last_error:
            yield "Last error", row.last_error


@admin.register(PublishedMessage)
class PublishedMessageAdmin(EnvelopeAdmin):
    """The history, the newest first."""

    list_display = ("about", "destination", "written", "published")
    list_filter = (DestinationFilter, TypeFilter)
    ordering = ("-message_id",)

    @admin.display(description="message")
    def about(self, row: PublishedMessage) -> SafeString:
        return two_lines(row.type, row.key or "no key")

    @admin.display(description="written, trace")
    def written(self, row: PublishedMessage) -> SafeString:
        return two_lines(format_moment(row.created_at), trace_of(row))

    @admin.display(description="published")
    def published(self, row: PublishedMessage) -> str:
        return format_moment(row.published_at)

    def facts(self, row: PublishedMessage) -> Iterator[tuple[str, object]]:
        yield "To", row.destination
        yield "Published", format_moment(row.published_at)


@admin.register(Delivery)
class DeliveryAdmin(SearchableAdmin):
    """Open deliveries, the next due first."""

    list_display = ("to", "message_id", "failed_tries", "due")
    list_filter = (DestinationFilter, SubscriberFilter)
    search_fields = ("message_id",)
    ordering = ("due_at",)
    sortable_by = ()

    @admin.display(description="to")
    def to(self, row: Delivery) -> SafeString:
        return two_lines(row.subscriber, row.key or "no key")

    @admin.display(description="tries that failed")
    def failed_tries(self, row: Delivery) -> SafeString:
        return two_lines(row.attempts or "none", Truncator(row.last_error).chars(SHOWN))

    @admin.display(description="published again from, opened")
    def due(self, row: Delivery) -> SafeString:
        return two_lines(format_moment(row.due_at), format_moment(row.created_at))


@admin.register(InboxEntry)
class InboxEntryAdmin(SearchableAdmin):
    """Which subscriber has handled which message."""

    has_key = False
    list_display = ("subscriber", "message_id", "handled_at")
    list_filter = (SubscriberFilter,)
    search_fields = ("message_id",)
    ordering = ("-message_id",)
    sortable_by = ()
