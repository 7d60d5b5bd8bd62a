"""The forms of the desk: the reason, the run or the filter, and what the verb takes beside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from outbox.messages import codec

from ..desk import DoesNotFit, Filter, Verb, answers
from ..desk.batches import HIGHEST_RATE, LOWEST_RATE, USUAL_RATE
from ..desk.given import given_values
from ..desk.selection import STATES
from ..desk.version_moves import newer_versions
from ..models import Run
from ..presentation.labels import ENDINGS, readable
from ..presentation.run_state import current_step
from . import typed_form
from .base import pretty_json
from .json_field import JsonField

NO_RUNS = "This page does not say which runs it is about; go back to the list."


@dataclass(frozen=True, slots=True)
class Decision:
    """The run, and its version when the operator decided."""

    run_id: UUID
    row_version: int


class ReasonForm(forms.Form):
    """The reason for an act."""

    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3, "cols": 70, "class": "vLargeTextField"}),
        help_text="Whoever reads the record later has nothing else to go by.",
        error_messages={"required": "Say why: whoever reads the record later has nothing else to go by."},
    )


class DecisionForm(ReasonForm):
    """The reason, and the run."""

    run = forms.CharField(widget=forms.HiddenInput)

    def clean_run(self) -> Decision:
        """Parse `<id>:<row version>`."""
        run_id, _, version = self.cleaned_data["run"].rpartition(":")
        try:
            return Decision(UUID(run_id), int(version))
        except ValueError as error:
            raise ValidationError(NO_RUNS) from error


class BulkForm(ReasonForm):
    """The reason, the filter, and the rate."""

    filter = forms.CharField(widget=forms.HiddenInput)
    rate = forms.FloatField(
        initial=USUAL_RATE,
        min_value=LOWEST_RATE,
        max_value=HIGHEST_RATE,
        label="Runs a second",
        help_text="At most. A participant that has just come back should not be called by all runs at once.",
    )

    def clean_filter(self) -> Filter:
        """Parse the filter from its JSON."""
        try:
            chosen = codec.decode(Filter, self.cleaned_data["filter"])
            given_values.check_storable(msgspec.to_builtins(chosen))
        except (ValueError, RecursionError, DoesNotFit) as error:
            raise ValidationError(NO_RUNS) from error
        if chosen.status not in STATES:
            raise ValidationError(NO_RUNS)
        return chosen


def ended_field() -> forms.Field:
    """The choice of how a run that is resolved by hand ended."""
    return forms.ChoiceField(
        label="How it ended",
        choices=list(ENDINGS.items()),
        widget=forms.RadioSelect,
        error_messages={"required": "Say how it ended: our own records follow it."},
    )


def version_field(run: Run | None) -> forms.Field:
    """The version to move to: a choice of the declared ones for one run, a number for many."""
    if run is None:
        return forms.IntegerField(label="To version", min_value=1)
    found = newer_versions(run)
    return forms.TypedChoiceField(
        label="To version", coerce=int, choices=[(number, f"version {number}") for number in found]
    )


def result_field(run: Run | None) -> forms.Field:
    """The result where there is none, or where nothing is known of it."""
    step = None if run is None else current_step(run)
    if step is None or step.status.startswith("undo"):
        words = "An undo returns nothing; leave it empty."
    else:
        words = f"As JSON. {step.name} returns nothing that is declared here; if it returns nothing, leave it empty."
    return JsonField(label="Result", required=False, help_text=words)


def input_field(run: Run | None) -> forms.Field:
    """The input of a saga that is not declared here."""
    return JsonField(label="Input", initial="" if run is None else pretty_json(run.input), help_text="As JSON.")


def assignee_field(run: Run | None) -> forms.Field:
    """A user name; empty is nobody."""
    who = None if run is None or not hasattr(run, "handling") else run.handling.assignee
    return forms.CharField(
        label="To",
        required=False,
        max_length=150,
        initial="" if who is None else who.get_username(),
        help_text="The user name of an operator; empty: nobody.",
    )


class MomentField(forms.DateTimeField):
    """A time in the site's time zone; its value is a text, as bulk acts and proposals store it. Empty is none."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def clean(self, value: Any) -> str:
        moment = super().clean(value)
        return "" if moment is None else moment.isoformat()


def until_field(_run: Run | None) -> forms.Field:
    """The end of a snooze."""
    return MomentField(
        label="Until", required=False, help_text=f"In {timezone.get_current_timezone_name()}; empty: back in sight."
    )


def due_field(_run: Run | None) -> forms.Field:
    """The time until which a run waits."""
    return MomentField(label="Waits until", help_text=f"In {timezone.get_current_timezone_name()}.")


def to_field(run: Run | None) -> forms.Field:
    """The step from which on a run is sent back."""
    asked = None if run is None else answers.asked_of(run)
    steps = asked.wait.back_to if asked is not None and asked.wait is not None else ()
    return forms.ChoiceField(label="Back to", choices=[(step.name, readable(step.name)) for step in steps])


def from_step_field(run: Run | None) -> forms.Field:
    """The first step that is carried out again."""
    names = [] if run is None else list(run.steps.order_by("position").values_list("name", flat=True))
    return forms.ChoiceField(label="From", choices=[(name, readable(name)) for name in names])


def key_field(run: Run | None) -> forms.Field:
    """The key of a new run."""
    initial = "" if run is None else f"{run.key}.again"
    return forms.CharField(
        label="Key of the new run",
        required=False,
        max_length=200,
        initial=initial,
        help_text="The same key is one run.",
    )


class NamesField(forms.CharField):
    """Names with commas between, which the page fills in; its value is a list."""

    widget = forms.HiddenInput

    def clean(self, value: Any) -> list[str]:
        return [name for name in str(super().clean(value) or "").split(",") if name]


ASKED = {
    "result": typed_form.result_asked,
    "changes": typed_form.input_asked,
    "form": typed_form.result_asked,
}
FIELDS: dict[str, Callable[[Run | None], forms.Field]] = {
    "ended": lambda _run: ended_field(),
    "version": version_field,
    "result": result_field,
    "changes": input_field,
    "assignee": assignee_field,
    "until": until_field,
    "due": due_field,
    "form": result_field,
    "to": to_field,
    "from_step": from_step_field,
    "key": key_field,
    "confirm": lambda _run: NamesField(required=False),
}


def form_for(verb: Verb, run: Run | None, base: type[forms.Form]) -> type[forms.Form]:
    """The form class for the verb: `base`, and a field for what the verb takes, or one for each part of it."""
    if not verb.takes:
        return base
    asked = ASKED[verb.takes](run) if run is not None and verb.takes in ASKED else None
    if asked is not None:
        return typed_form.form_class(base, verb.takes, asked)
    return type(f"{verb.name}Form", (base,), {name: FIELDS[name](run) for name in (verb.takes, *verb.also)})
