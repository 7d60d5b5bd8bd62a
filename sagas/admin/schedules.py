"""The schedules in the admin: what comes next, what became of each tick, and the acts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from ..engine.diagnosis import clock
from ..errors import SagaError
from ..models import Schedule
from ..presentation import schedule_labels
from ..schedules.backfill import preview
from ..schedules.verbs import VERBS, ScheduleVerb
from .base import ReadOnlyAdmin
from .forms import ReasonForm

NEXT, HISTORY = 5, 100
MOMENT = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class BackfillForm(ReasonForm):
    """The span, in the site's time zone, and how many ticks the operator was shown."""

    since = forms.DateTimeField(label="From", widget=MOMENT)
    until = forms.DateTimeField(label="Up to, not including", widget=MOMENT)
    expected = forms.IntegerField(required=False, widget=forms.HiddenInput)
    field_order = ("since", "until", "reason")


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    """The list; its rows are those that are declared, or have been."""

    class Media:
        css = {"all": ["sagas/desk.css"]}
        js = ["sagas/schedules.js"]

    def get_urls(self) -> list[URLPattern]:
        act = self.admin_site.admin_view(self.act_view)
        page = self.admin_site.admin_view(self.page_view)
        return [
            path("<str:name>/act/<str:verb>/", act, name="sagas_schedule_act"),
            path("<str:name>/", page, name="sagas_schedule_page"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        states = schedule_labels.read_all(clock())
        shown = [(one, one.next_ticks(1), _last(one)) for one in states]
        return self._response(request, "sagas/schedules.html", title="Schedules", schedules=shown)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self.page_view(request, unquote(object_id))

    def page_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """The page of a schedule. It changes nothing."""
        return self._page(request, name)

    def act_view(self, request: HttpRequest, name: str, verb: str) -> HttpResponse:
        """POST: do the act and record it. 403 without its permission, 404 for an unknown act or schedule."""
        if verb not in VERBS or request.method != "POST":
            raise Http404(f"There is no act named {verb}, or it was not sent by its form.")
        if not (self.has_view_permission(request) and request.user.has_perm(VERBS[verb].permission)):
            raise PermissionDenied
        form = BackfillForm(request.POST) if VERBS[verb].takes_span else ReasonForm(request.POST)
        if not form.is_valid():
            return self._page(request, name, **{"span_form" if VERBS[verb].takes_span else "form": form})
        if VERBS[verb].takes_span and form.cleaned_data["expected"] is None:
            return self._preview(request, name, form)
        self._carry_out(request, name, VERBS[verb], form.cleaned_data)
        return HttpResponseRedirect(reverse("admin:sagas_schedule_page", args=[name]))

    def _preview(self, request: HttpRequest, name: str, form: forms.Form) -> HttpResponse:
        """Say what filling in would do; the same form, sent again, does it."""
        given = form.cleaned_data
        try:
            found = preview(name, given["since"], given["until"])
        except SagaError as error:
            messages.error(request, f"Nothing was done: {error}")
            return self._page(request, name, span_form=form)
        data = {**request.POST.dict(), "expected": len(found.to_run)}
        return self._page(request, name, span_form=BackfillForm(data), preview=found)

    def _carry_out(self, request: HttpRequest, name: str, verb: ScheduleVerb, given: dict[str, Any]) -> None:
        span = {key: given[key] for key in ("since", "until", "expected")} if verb.takes_span else {}
        try:
            verb.do(name, actor=request.user, reason=given["reason"], **span)
        except SagaError as error:
            messages.error(request, f"Nothing was done: {error}")
        else:
            messages.success(request, f"{verb.title}: done and recorded.")

    def _page(self, request: HttpRequest, name: str, **given: Any) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        state = schedule_labels.read(name, clock())
        if state.declared is None and state.row is None:
            raise Http404(f"There is no schedule named {name}.")
        history = list(state.row.history.order_by("-at")[:HISTORY]) if state.row else []
        context = {
            "title": name,
            "state": state,
            "badge": state.badge,
            "ticks": state.next_ticks(NEXT),
            "form": ReasonForm(auto_id="id_act_%s"),
            "span_form": BackfillForm(),
            "verbs": _allowed(request, state),
            "may_backfill": state.declared is not None and request.user.has_perm(VERBS["backfill"].permission),
            "history": [(tick, schedule_labels.tick_badge(tick)) for tick in history],
            "acts": state.row.acts.order_by("-id")[:HISTORY] if state.row else [],
            "zone": timezone.get_current_timezone_name(),
        }
        return self._response(request, "sagas/schedule.html", **{**context, **given})

    def _response(self, request: HttpRequest, template: str, **given: Any) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, **given}
        return TemplateResponse(request, template, context)


def _allowed(request: HttpRequest, state: schedule_labels.ScheduleState) -> list[ScheduleVerb]:
    paused = state.row is not None and state.row.paused_at is not None
    hidden = {"backfill", "pause" if paused else "resume"}
    named = [verb for verb in VERBS.values() if verb.name not in hidden and request.user.has_perm(verb.permission)]
    return named if state.declared is not None else []


def _last(state: schedule_labels.ScheduleState) -> Any:
    return schedule_labels.tick_badge(state.last) if state.last else None
