"""Held keys: why they wait, how many messages wait behind them, and the three acts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from ..errors import OutboxError
from ..models import DeadLetter, Hold, OutboxMessage
from ..operations import held_keys
from . import confirmation
from .base import DestinationFilter, SearchableAdmin, format_moment, two_lines
from .detail import pretty

SHOWN = 160  # characters of an error that a list shows
SAMPLE = 50  # keys that the confirmation page names


class HoldAct(NamedTuple):
    """An act on a held key."""

    name: str
    title: str
    explains: str
    form: type[confirmation.ReasonForm]
    do: Callable[..., None]


HOLD_ACTS = {
    act.name: act
    for act in (
        HoldAct(
            "retry",
            "Retry now",
            "The first message is tried now. If it fails again, its key waits as long as it would have waited.",
            confirmation.OptionalReasonForm,
            held_keys.retry,
        ),
        HoldAct(
            "skip",
            "Skip the first message",
            "It becomes a dead letter that says who skipped it and why, and the key continues without it. "
            "If it is requeued later, it arrives after the messages that followed it.",
            confirmation.ReasonForm,
            held_keys.skip,
        ),
        HoldAct(
            "requeue",
            "Requeue the first message",
            "For a message that was given up: it returns to its old place with all its attempts, before the messages "
            "that wait for it, and the key is released.",
            confirmation.OptionalReasonForm,
            held_keys.requeue,
        ),
    )
}


class ChangeListWithDepths(ChangeList):
    """The list, with how many messages wait behind each key of the page: one query for all."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        found: list[Any] = list(self.result_list)
        depths = held_keys.behind(found)
        for hold in found:
            hold.depth = depths.get(hold.pk, "—")
        self.result_list = found


@admin.register(Hold)
class HoldAdmin(SearchableAdmin):
    """Held keys; those that wait for a person come first."""

    list_display = ("about", "why", "since_until", "behind")
    list_filter = (DestinationFilter,)
    search_fields = ("key", "message_id")
    search_help_text = "A key such as order:42, or a message id, in full."
    ordering = ("-until", "since")  # PostgreSQL puts those without an end first
    sortable_by = ()
    actions = ("retry", "skip", "requeue")

    @admin.display(description="key")
    def about(self, hold: Hold) -> SafeString:
        return two_lines(hold.key, f"to {hold.destination}, shard {hold.shard}")

    @admin.display(description="why")
    def why(self, hold: Hold) -> SafeString:
        return two_lines(Truncator(hold.last_error).chars(SHOWN), f"{hold.type}, tries that failed: {hold.attempts}")

    @admin.display(description="until, since")
    def since_until(self, hold: Hold) -> SafeString:
        until = format_moment(hold.until) if hold.until else "a person acts"
        return two_lines(until, f"since {format_moment(hold.since)}")

    @admin.display(description="behind")
    def behind(self, hold: Any) -> str:
        return str(hold.depth)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ChangeListWithDepths

    # --- The acts ----------------------------------------------------------------------------------------------------

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("outbox.retry_hold")

    def has_skip_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("outbox.skip_hold")

    def has_requeue_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("outbox.requeue_deadletter")

    @admin.action(description="Retry now …", permissions=["retry"])
    def retry(self, request: HttpRequest, chosen: QuerySet[Hold]) -> HttpResponse | None:
        return self._ask_then_do(request, chosen, HOLD_ACTS["retry"])

    @admin.action(description="Skip the first message …", permissions=["skip"])
    def skip(self, request: HttpRequest, chosen: QuerySet[Hold]) -> HttpResponse | None:
        return self._ask_then_do(request, chosen, HOLD_ACTS["skip"])

    @admin.action(description="Requeue the first message …", permissions=["requeue"])
    def requeue(self, request: HttpRequest, chosen: QuerySet[Hold]) -> HttpResponse | None:
        return self._ask_then_do(request, chosen, HOLD_ACTS["requeue"])

    def _ask_then_do(self, request: HttpRequest, chosen: QuerySet[Hold], act: HoldAct) -> HttpResponse | None:
        form = confirmation.bound_form(request, act.form)
        if form.is_bound and form.is_valid():
            self._do(request, list(chosen), act, form.cleaned_data["reason"])
            return None
        return confirmation.ask(
            self,
            request,
            form,
            action=act.name,
            title=f"{act.title}?",
            explains=act.explains,
            button=f"{act.title}: {chosen.count()}",
            holds=_with_depths(chosen[:SAMPLE]),
        )

    def _do(self, request: HttpRequest, chosen: list[Hold], act: HoldAct, reason: str) -> None:
        done, refused = 0, []
        for hold in chosen:
            try:
                act.do(hold.destination, hold.key, actor=request.user, reason=reason)
                done += 1
            except OutboxError as error:
                refused.append(str(error))
        confirmation.report(self, request, done, act.title, refused)

    # --- The page of a held key --------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The key's page; it changes nothing."""
        hold = self.get_object(request, object_id)
        if not self.has_view_permission(request, hold):
            raise PermissionDenied
        if hold is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        first = _first(hold)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": hold.key,
            "hold": hold,
            "behind": str(held_keys.behind([hold]).get(hold.pk, "—")),
            "given_up": isinstance(first, DeadLetter),
            "payload": pretty(first.payload) if first else "",
            "acts": [act for act in HOLD_ACTS.values() if self._offers(request, act, first)],
        }
        return TemplateResponse(request, "admin/outbox/hold.html", context)

    def _offers(self, request: HttpRequest, act: HoldAct, first: object) -> bool:
        if not getattr(self, f"has_{act.name}_permission")(request):
            return False
        return act.name == "skip" or (act.name == "requeue") == isinstance(first, DeadLetter)


def _with_depths(chosen: Iterable[Hold]) -> list[tuple[Hold, str]]:
    found = list(chosen)
    depths = held_keys.behind(found)
    return [(hold, str(depths.get(hold.pk, "—"))) for hold in found]


def _first(hold: Hold) -> OutboxMessage | DeadLetter | None:
    waiting = OutboxMessage.objects.filter(destination=hold.destination, shard=hold.shard, id=hold.position).first()
    return waiting or _given_up(hold)


def _given_up(hold: Hold) -> DeadLetter | None:
    dead = DeadLetter.objects.filter(destination=hold.destination, message_id=hold.message_id, subscriber="")
    return dead.first()
