"""The overview of all destinations: what waits, which relay owns which shard; and the acts to pause and resume."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from ..errors import OutboxError
from ..models import Shard
from ..monitoring import alarms, badges, destination_status
from ..monitoring.destination_status import DestinationStatus
from ..operations import pauses
from ..publishing.destinations import SHARDS
from .base import ReadOnlyAdmin
from .confirmation import ReasonForm

ACTS = {"pause": pauses.pause, "resume": pauses.resume}


class PauseForm(ReasonForm):
    """What to pause, and the reason."""

    shard = forms.TypedChoiceField(
        choices=[("", "all of it"), *((str(number), f"shard {number}") for number in range(SHARDS))],
        coerce=int,
        empty_value=None,
        required=False,
    )
    field_order = ("shard", "reason")


@admin.register(Shard)
class ShardAdmin(ReadOnlyAdmin):
    """The overview; its rows are destinations."""

    def has_pause_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("outbox.pause_shard")

    def get_urls(self) -> list[URLPattern]:
        act = self.admin_site.admin_view(self.act_view)
        return [path("<str:destination>/<str:act>/", act, name="outbox_shard_act"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The overview."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self._page(request, {})

    def act_view(self, request: HttpRequest, destination: str, act: str) -> HttpResponse:
        """POST: pause or resume a destination or one of its shards, and record it."""
        if act not in ACTS or request.method != "POST":
            raise Http404(f"There is no act named {act}, or it was not sent by its form.")
        if not (self.has_view_permission(request) and self.has_pause_permission(request)):
            raise PermissionDenied
        form = PauseForm(request.POST, prefix=destination)
        if not form.is_valid():
            return self._page(request, {destination: form})
        shard: int | None = form.cleaned_data["shard"]
        try:
            done = ACTS[act](
                destination,
                None if shard is None else [shard],
                actor=request.user,  # type: ignore[arg-type]
                reason=form.cleaned_data["reason"],
            )
        except OutboxError as error:
            self.message_user(request, f"Nothing was done. {error}", messages.ERROR)
        else:
            self.message_user(request, f"{destination}: {done} shards {act}d. Every relay sees it at once.")
        return HttpResponseRedirect(reverse("admin:outbox_shard_changelist"))

    def _page(self, request: HttpRequest, forms_sent: dict[str, PauseForm]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": "Destinations",
            "destinations": [_shown(one, forms_sent.get(one.name)) for one in destination_status.read_statuses()],
            "may_pause": self.has_pause_permission(request),
            "shards": SHARDS,
        }
        return TemplateResponse(request, "admin/outbox/overview.html", context)


def _shown(one: DestinationStatus, form: PauseForm | None) -> dict[str, Any]:
    return {
        "one": one,
        "badge": badges.badge_of(one),
        "alarms": alarms.alarms([one]),
        "depth": alarms.bounded(one.depth),
        "transport": type(one.destination.transport).__qualname__ if one.destination else "",
        "form": form or PauseForm(prefix=one.name),
        "relays": [
            (relay, [shard for shard in one.shards if shard.live and shard.owner == relay.owner])
            for relay in one.relays
        ],
    }
