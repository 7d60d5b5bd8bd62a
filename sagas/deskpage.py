"""From an operator's click to `desk`: a page that says what will happen and asks why, the act, and a report of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from . import desk, runpage
from .errors import SagaError
from .models import Run
from .wording import ENDED, NEXT, run_face, spoken

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

AT_ONCE = 500
"""Runs that one confirmation acts on: each is a transaction of its own within one request."""
LISTED = 20
"""Runs, and skipped runs, that are named one by one."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A run as the operator saw it when deciding."""

    run_id: UUID
    row_version: int


class DecisionForm(forms.Form):
    """Why, and on what."""

    runs = forms.CharField(widget=forms.HiddenInput)
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3, "cols": 70, "class": "vLargeTextField"}),
        help_text="Whoever reads the record later has nothing else to go by.",
        error_messages={"required": "Say why: whoever reads the record later has nothing else to go by."},
    )

    def clean_runs(self) -> list[Decision]:
        """`<id>:<row version>` of each run, apart by blanks."""
        try:
            pairs = [word.rsplit(":", 1) for word in self.cleaned_data["runs"].split()]
            decisions = [Decision(UUID(run_id), int(version)) for run_id, version in pairs]
        except ValueError as error:
            raise ValidationError("This page does not say which runs it is about; go back to the list.") from error
        if not 0 < len(decisions) <= AT_ONCE:
            raise ValidationError(f"Choose 1 to {AT_ONCE} runs.")
        return decisions


class ResolutionForm(DecisionForm):
    """The same, and how it ended."""

    ended = forms.ChoiceField(
        label="How it ended",
        choices=list(ENDED.items()),
        widget=forms.RadioSelect,
        error_messages={"required": "Say how it ended: our own records follow it."},
    )


def confirm(model_admin: ModelAdmin[Any], request: HttpRequest, verb: desk.Verb, chosen: QuerySet[Run]) -> HttpResponse:
    """The confirmation page for the chosen runs, at most AT_ONCE of them; it changes nothing."""
    _check(model_admin, request, verb)
    runs = list(chosen.prefetch_related("steps")[: AT_ONCE + 1])
    if not runs:
        raise Http404("None of these runs exists any more.")
    if len(runs) > AT_ONCE:
        messages.warning(request, f"This is about the first {AT_ONCE} runs of the list; come back for the others.")
    tokens = " ".join(f"{run.pk}:{run.row_version}" for run in runs[:AT_ONCE])
    return _page(model_admin, request, verb, _form_of(verb)(initial={"runs": tokens}), runs[:AT_ONCE])


def act(model_admin: ModelAdmin[Any], request: HttpRequest, name: str) -> HttpResponse:
    """GET: the confirmation page for `?run=<id>`. POST: do it, and report. 403 without the verb's permission."""
    verb = desk.VERBS.get(name)
    if verb is None:
        raise Http404(f"There is no act named {name}.")
    _check(model_admin, request, verb)
    if request.method != "POST":
        return confirm(model_admin, request, verb, _runs(request.GET.getlist("run")))
    form = _form_of(verb)(request.POST)
    if not form.is_valid():
        tokens = [word.partition(":")[0] for word in request.POST.get("runs", "").split()]
        return _page(model_admin, request, verb, form, list(_runs(tokens)[:AT_ONCE]))
    decisions: list[Decision] = form.cleaned_data.pop("runs")
    return _carry_out(model_admin, request, verb, decisions, form.cleaned_data)


def _carry_out(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    verb: desk.Verb,
    decisions: Sequence[Decision],
    given: dict[str, Any],
) -> HttpResponse:
    skipped: list[str] = []
    for decision in decisions:
        try:
            verb.do(decision.run_id, actor=request.user, row_version=decision.row_version, **given)
        except (SagaError, Run.DoesNotExist) as error:  # WrongState in the main: said to the operator, nothing done
            skipped.append(f"{_title(decision.run_id)}: {error}")
        else:  # the act itself is recorded by the desk; this is for the user's own list of recent actions
            run = Run.objects.get(pk=decision.run_id)
            model_admin.log_change(request, run, f"{verb.title}: {given['reason']}")
    done = len(decisions) - len(skipped)
    if len(decisions) == 1:
        return _report_one(request, verb, decisions[0].run_id, skipped)
    _report_many(request, verb, done, skipped)
    return HttpResponseRedirect(reverse("admin:sagas_run_changelist"))


def _report_one(request: HttpRequest, verb: desk.Verb, run_id: UUID, skipped: Sequence[str]) -> HttpResponse:
    if skipped:
        messages.error(request, f"Nothing was done. {skipped[0]}")
    else:
        messages.success(request, f"{verb.title}: done and recorded. {_next(verb, run_id)}")
    return HttpResponseRedirect(reverse("admin:sagas_run_change", args=[run_id]))


def _report_many(request: HttpRequest, verb: desk.Verb, done: int, skipped: Sequence[str]) -> None:
    if done:
        messages.success(request, f"{verb.title}: done and recorded for {done}, skipped {len(skipped)}.")
    else:
        messages.warning(request, f"{verb.title}: nothing was done, skipped {len(skipped)}.")
    for sentence in skipped[:LISTED]:
        messages.warning(request, f"Skipped {sentence}")
    if len(skipped) > LISTED:
        messages.warning(request, f"And {len(skipped) - LISTED} more were skipped; they are in the list below.")


def _next(verb: desk.Verb, run_id: UUID) -> str:
    """What follows: read again, since an act may have ended the run at once."""
    run = Run.objects.prefetch_related("steps").get(pk=run_id)
    if verb.name == "compensate" and run.finished_at is not None:
        return "Nothing had to be undone: the run is over."
    step = runpage.standing(run)
    return NEXT.get(verb.name, "").format(step=spoken(step.name).lower() if step else "the step")


def _title(run_id: UUID) -> str:
    run = Run.objects.filter(pk=run_id).first()
    return str(run_id) if run is None else run.subject or run.key


def _runs(ids: Sequence[str]) -> QuerySet[Run]:
    wanted = []
    for text in ids:
        try:
            wanted.append(UUID(text))
        except ValueError as error:
            raise Http404(f"{text} is no run's id.") from error
    return Run.objects.filter(pk__in=wanted).order_by("id").prefetch_related("steps")


def _check(model_admin: ModelAdmin[Any], request: HttpRequest, verb: desk.Verb) -> None:
    if not (model_admin.has_view_permission(request) and request.user.has_perm(verb.permission)):
        raise PermissionDenied(f"You may not {verb.title.lower()}.")


def _form_of(verb: desk.Verb) -> type[DecisionForm]:
    return ResolutionForm if verb.name == "resolve" else DecisionForm


def _page(
    model_admin: ModelAdmin[Any], request: HttpRequest, verb: desk.Verb, form: DecisionForm, runs: Sequence[Run]
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "media": model_admin.media,
        "title": f"{verb.title}?",
        "verb": verb,
        "form": form,
        "runs": [{"run": run, "face": run_face(run), "where": runpage.where(run)} for run in runs[:LISTED]],
        "count": len(runs),
        "unlisted": max(0, len(runs) - LISTED),
        "in_doubt": verb.name == "compensate" and [run for run in runs if runpage.pivot_in_doubt(run)][:LISTED],
    }
    return TemplateResponse(request, "sagas/confirm.html", context)
