"""The page of one message: its content, its cause, and other rows of its key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from ..messages import codec
from ..messages.causation import HEADER as CAUSED_BY
from ..models import DeadLetter, EnvelopeFields, Hold, OutboxMessage, PublishedMessage
from .base import SearchableAdmin

TABLES = (OutboxMessage, PublishedMessage, DeadLetter)


class Link(NamedTuple):
    """One link on the page."""

    url: str
    text: str


class EnvelopeAdmin(SearchableAdmin):
    """Messages: found by key and message id; each has a page."""

    search_fields = ("key", "message_id")
    search_help_text = "A full key such as order:42, a full message id, or what a key means, such as an order number."
    sortable_by = ()

    def facts(self, row: Any) -> Iterator[tuple[str, object]]:
        """What the page says about this row beside the message itself."""
        return iter(())

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The message's page; it changes nothing."""
        row = self.get_object(request, object_id)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": row.type,
            "row": row,
            "facts": list(self.facts(row)),
            "headers": headers_of(row),
            "payload": pretty(row.payload),
            "links": list(_links(request, row)),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/outbox/message.html", context)


def headers_of(row: EnvelopeFields) -> dict[str, str]:
    """The headers as a dict; unreadable ones as text."""
    try:
        return codec.decode(dict[str, str], row.headers)
    except ValueError:
        return {"unreadable": row.headers}


def trace_of(row: EnvelopeFields) -> str:
    """The 32 hex digits that the log lines of the same request carry."""
    return headers_of(row).get("traceparent", "")[3:35] or "—"


def pretty(payload: str) -> str:
    """Indented JSON; other text as it is."""
    try:
        return json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except ValueError:
        return payload


def _links(request: HttpRequest, row: EnvelopeFields) -> Iterator[Link]:
    cause = headers_of(row).get(CAUSED_BY)
    if cause:
        table = next((one for one in TABLES if one.objects.filter(message_id=cause).exists()), None)
        if table is not None and _may_view(request, table):
            yield Link(_list(table, cause), "the message that caused it")
    for other in (*TABLES, Hold) if row.key else ():
        if _may_view(request, other):
            yield Link(_list(other, row.key), f"{other._meta.verbose_name_plural} of {row.key}")


def _list(table: Any, sought: str) -> str:
    return f"{reverse(f'admin:outbox_{table._meta.model_name}_changelist')}?{urlencode({'q': sought})}"


def _may_view(request: HttpRequest, table: Any) -> bool:
    return request.user.has_perm(f"outbox.view_{table._meta.model_name}")
