"""The participants in the admin: who is away since when, how many runs wait, and two acts: hold and release calls."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from ..desk import Verb
from ..models import Breaker, Run
from ..participants import breaker
from ..participants.lookup import policy_of
from ..participants.waiting import make_known
from ..presentation import participant_labels
from .base import ReadOnlyAdmin
from .forms import ReasonForm

HISTORY = 50
"""The most acts that the page of a participant lists."""

VERBS = {
    verb.name: verb
    for verb in (
        Verb(
            "close",
            "Let calls go now",
            "Calls go through at once, without a trial; the runs that wait return at a limited rate. If the "
            "participant is still away, its next failures hold the calls again.",
            "sagas.close_breaker",
            breaker.close,
        ),
        Verb(
            "open",
            "Hold all calls",
            "No call is made, not even as a trial, until a person lets them go. Runs that need the participant wait "
            "and spend no attempt; those before their point of no return are undone when their deadline passes.",
            "sagas.open_breaker",
            breaker.open_by_hand,
        ),
    )
}


@admin.register(Breaker)
class ParticipantAdmin(ReadOnlyAdmin):
    """The list of participants, those that are away first, the longest outage on top."""

    list_display = ("name", "state_badge", "stands", "limits", "last_reason")
    sortable_by = ()

    class Media:
        css = {"all": ["sagas/desk.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Breaker]:
        waits = Run.objects.filter(~Q(waits_for=""), waits_for=OuterRef("name")).order_by().values("waits_for")
        number = Coalesce(Subquery(waits.annotate(number=Count("*")).values("number")), Value(0))
        found: QuerySet[Breaker] = super().get_queryset(request)
        return found.annotate(runs=number)

    def get_ordering(self, request: HttpRequest) -> Any:
        return [F("opened_at").asc(nulls_last=True), "name"]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list. First add participants that never failed, so that their calls can be held, too."""
        make_known()
        return super().changelist_view(request, extra_context)

    @admin.display(description="state")
    def state_badge(self, breaker: Breaker) -> SafeString:
        return render_to_string("sagas/badge.html", {"badge": participant_labels.badge(breaker)})

    @admin.display(description="what happens to calls")
    def stands(self, breaker: Breaker) -> str:
        return participant_labels.state_sentence(breaker, policy_of(breaker.name), _runs(breaker))

    @admin.display(description="limits")
    def limits(self, breaker: Breaker) -> str:
        return participant_labels.limits_sentence(policy_of(breaker.name))

    @admin.display(description="last reason")
    def last_reason(self, breaker: Breaker) -> str:
        return breaker.reason or "—"

    # --- The page of a participant, and the acts ---------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        act = self.admin_site.admin_view(self.act_view)
        return [path("<path:object_id>/act/<str:verb>/", act, name="sagas_breaker_act"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of a participant. It changes nothing."""
        return self._page(request, object_id, ReasonForm())

    def act_view(self, request: HttpRequest, object_id: str, verb: str) -> HttpResponse:
        """POST: do the act and record it. 403 without its permission, 404 for an unknown act or participant."""
        if verb not in VERBS or request.method != "POST":
            raise Http404(f"There is no act named {verb}, or it was not sent by its form.")
        if not (self.has_view_permission(request) and request.user.has_perm(VERBS[verb].permission)):
            raise PermissionDenied
        form = ReasonForm(request.POST)
        if not form.is_valid():
            return self._page(request, object_id, form)
        self._carry_out(request, object_id, VERBS[verb], form.cleaned_data["reason"])
        return HttpResponseRedirect(reverse("admin:sagas_breaker_change", args=[quote(object_id)]))

    @transaction.atomic
    def _carry_out(self, request: HttpRequest, name: str, verb: Verb, reason: str) -> None:
        """Lock the row, do the act and record it, in one transaction."""
        found = Breaker.objects.select_for_update().filter(pk=name).first()
        if found is None:
            raise Http404(f"No participant is named {name}.")
        if not allowed(found, verb.name):
            messages.error(request, f"Nothing was done: its state is {participant_labels.badge(found).text} already.")
            return
        before = participant_labels.badge(found).text
        verb.do(name, f"{request.user.get_username()}: {reason}")
        found.refresh_from_db()
        self.log_change(request, found, f"{verb.title}: {reason} ({before} → {participant_labels.badge(found).text})")
        messages.success(request, f"{verb.title}: done and recorded. It reaches every worker within a second.")

    def _page(self, request: HttpRequest, name: str, form: ReasonForm) -> HttpResponse:
        found = self.get_object(request, name)
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        if found is None:
            raise Http404(f"No participant is named {name}.")
        may = [verb for verb in VERBS.values() if request.user.has_perm(verb.permission) and allowed(found, verb.name)]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": found.name,
            "participant": found,
            "badge": participant_labels.badge(found),
            "sentence": self.stands(found),
            "limits": self.limits(found),
            "runs": _runs(found),
            "verbs": may,
            "form": form,
            "history": _history(found),
        }
        return TemplateResponse(request, "sagas/participant.html", context)


def allowed(found: Breaker, verb: str) -> bool:
    """Whether the act would change anything for this participant."""
    return found.state != Breaker.State.CLOSED if verb == "close" else not participant_labels.held_by_hand(found)


def _runs(breaker: Breaker) -> int:
    """How many runs wait for the participant; counted by `get_queryset`."""
    return breaker.runs  # type: ignore[attr-defined,no-any-return]


def _history(found: Breaker) -> QuerySet[LogEntry]:
    entries = LogEntry.objects.filter(content_type__app_label="sagas", content_type__model="breaker")
    return entries.filter(object_id=found.pk).select_related("user").order_by("-action_time")[:HISTORY]
