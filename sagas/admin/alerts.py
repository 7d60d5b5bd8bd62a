"""The alerts in the admin: what is on, who sees to it, and three acts: acknowledge, silence, end the silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from ..alerts import acts
from ..engine.diagnosis import clock
from ..errors import SagaError
from ..models import Alert
from ..presentation import alert_labels
from .base import ReadOnlyAdmin, badge_html
from .forms import ReasonForm

HISTORY = 50
"""The most acts that the page of an alert lists."""
WORDS_LENGTH = 140  # characters that the list shows of what an alert says
URGENCY = Case(
    When(state=Alert.State.FIRING, then=Value(0)),
    When(state__in=[Alert.State.ENDING, Alert.State.PENDING], then=Value(1)),
    default=Value(2),
    output_field=IntegerField(),
)
SPANS = {"1": "1 hour", "8": "8 hours", "24": "1 day", "168": "1 week"}
"""Hours of silence."""


class AlertForm(ReasonForm):
    """The reason, and for how long where the act is a silence."""

    hours = forms.ChoiceField(
        choices=list(SPANS.items()),
        label="Silence for",
        help_text="Only for “Silence”: of an alert that begins meanwhile nobody is told until then.",
    )


@dataclass(frozen=True, slots=True)
class AlertAct:
    """An act with its title, its explanation and its permission."""

    name: str
    title: str
    explains: str
    permission: str
    do: Callable[[int, str, dict[str, Any]], None]
    allowed: Callable[[Alert, bool], bool]
    """Given the alert, and whether it is silenced."""


ACTS = {
    one.name: one
    for one in (
        AlertAct(
            "acknowledge",
            "I see to it",
            "Others see who does, and why it may take a while; the mail of its end names you.",
            "sagas.acknowledge_alert",
            lambda pk, by, given: acts.acknowledge(pk, by=by, reason=given["reason"]),
            lambda alert, _: alert.is_on,
        ),
        AlertAct(
            "silence",
            "Silence",
            "Nobody is told when it begins, until the time is over; what holds then is told then. An end is told to "
            "whoever was told of the beginning.",
            "sagas.silence_alert",
            lambda pk, by, given: acts.silence(
                pk, by=by, reason=given["reason"], span=timedelta(hours=int(given["hours"]))
            ),
            lambda _, silenced: not silenced,
        ),
        AlertAct(
            "tell_again",
            "End the silence",
            "If it is on and nobody was told, a person is told within half a minute.",
            "sagas.silence_alert",
            lambda pk, by, given: acts.end_silence(pk, by=by, reason=given["reason"]),
            lambda _, silenced: silenced,
        ),
    )
}


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """The list of alerts, those that are on first."""

    list_display = ("about", "state_badge", "stands", "words_now")
    list_display_links = ("about",)
    sortable_by = ()

    class Media:
        css = {"all": ["sagas/desk.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        found: QuerySet[Alert] = super().get_queryset(request)
        return found.annotate(read_at=Now())

    def get_ordering(self, request: HttpRequest) -> Any:
        return [URGENCY, "-since", "rule", "label"]

    @admin.display(description="alert")
    def about(self, alert: Alert) -> SafeString:
        return format_html("{}<small>{}</small>", str(alert), alert.rule)

    @admin.display(description="state")
    def state_badge(self, alert: Alert) -> SafeString:
        return badge_html(alert_labels.badge(alert))

    @admin.display(description="how it stands")
    def stands(self, alert: Alert) -> str:
        return alert_labels.stands(alert, alert.read_at)  # type: ignore[attr-defined]

    @admin.display(description="what it says")
    def words_now(self, alert: Alert) -> str:
        return Truncator(alert.words).chars(WORDS_LENGTH) or "—"

    def get_urls(self) -> list[URLPattern]:
        act = self.admin_site.admin_view(self.act_view)
        return [path("<int:pk>/act/<str:name>/", act, name="sagas_alert_act"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of an alert. It changes nothing."""
        return self._page(request, self.get_object(request, object_id), AlertForm())

    def act_view(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        """POST: do the act and record it. 403 without its permission, 404 for an unknown act or alert."""
        if name not in ACTS or request.method != "POST":
            raise Http404(f"There is no act named {name}, or it was not sent by its form.")
        if not (self.has_view_permission(request) and request.user.has_perm(ACTS[name].permission)):
            raise PermissionDenied
        alert, form = self.get_object(request, str(pk)), AlertForm(request.POST)
        if alert is None or not form.is_valid():
            return self._page(request, alert, form)
        self._carry_out(request, alert, ACTS[name], form.cleaned_data)
        return HttpResponseRedirect(reverse("admin:sagas_alert_change", args=[pk]))

    def _carry_out(self, request: HttpRequest, alert: Alert, act: AlertAct, given: dict[str, Any]) -> None:
        """Do the act and record it, in one transaction."""
        try:
            with transaction.atomic():
                act.do(alert.pk, request.user.get_username(), given)
                self.log_change(request, alert, f"{act.title}: {given['reason']}")
        except SagaError as error:
            messages.error(request, f"Nothing was done: {error}")
        else:
            messages.success(request, f"{act.title}: done and recorded.")

    def _page(self, request: HttpRequest, alert: Alert | None, form: AlertForm) -> HttpResponse:
        if not self.has_view_permission(request, alert):
            raise PermissionDenied
        if alert is None:
            raise Http404("There is no such alert: it may have been over for a month.")
        now = clock()
        silenced = alert_labels.is_silenced(alert, now)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": str(alert),
            "alert": alert,
            "badge": alert_labels.badge(alert),
            "stands": alert_labels.stands(alert, now),
            "verbs": [
                one for one in ACTS.values() if request.user.has_perm(one.permission) and one.allowed(alert, silenced)
            ],
            "form": form,
            "history": _history(alert),
        }
        return TemplateResponse(request, "sagas/alert.html", context)


def _history(alert: Alert) -> QuerySet[LogEntry]:
    entries = LogEntry.objects.filter(content_type__app_label="sagas", content_type__model="alert")
    return entries.filter(object_id=str(alert.pk)).select_related("user").order_by("-action_time")[:HISTORY]
