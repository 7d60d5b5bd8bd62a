"""An act that asks first: a page says what it will do and asks for a reason, then the act happens.

As with Django's own "delete selected", the page posts back to the list, whose filter is in its address.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from ..operations.audit import ReasonMissing

CONFIRMED = "confirmed"


class ReasonForm(forms.Form):
    """Asks for the reason."""

    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2, "cols": 70, "class": "vLargeTextField"}),
        error_messages={"required": ReasonMissing.__doc__ or ""},
    )


class OptionalReasonForm(ReasonForm):
    """Asks for a reason that may be empty, for an act that loses nothing."""

    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2, "cols": 70, "class": "vLargeTextField"}),
        label="Reason (optional)",
        required=False,
    )


def bound_form(request: HttpRequest, form_class: type[forms.Form]) -> forms.Form:
    """The form: with the data that was sent, or empty."""
    return form_class(request.POST) if request.POST.get(CONFIRMED) else form_class()


def ask(model_admin: Any, request: HttpRequest, form: forms.Form, **said: Any) -> HttpResponse:
    """The page that asks. `said`: action, title, explains, button, and what the template shows of the rows."""
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "media": model_admin.media,
        "form": form,
        "selected": request.POST.getlist("_selected_action"),
        "across": request.POST.get("select_across", "0"),
        "confirmed": CONFIRMED,
        **said,
    }
    return TemplateResponse(request, "admin/outbox/confirm.html", context)


def report(model_admin: Any, request: HttpRequest, done: int, what: str, refused: list[str]) -> None:
    """Show on the next page what was done and what was not."""
    if done or not refused:
        model_admin.message_user(request, f"{what}: {done}.", messages.SUCCESS if done else messages.WARNING)
    for why in refused[:20]:
        model_admin.message_user(request, f"Nothing was done: {why}", messages.WARNING)
