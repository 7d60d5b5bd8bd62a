"""A form's field for JSON."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from ..desk import DoesNotFit
from ..desk.given import given_values


class JsonField(forms.CharField):
    """A field for JSON; empty means null."""

    widget = forms.Textarea(attrs={"rows": 16, "cols": 70, "class": "vLargeTextField json", "spellcheck": "false"})

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return given_values.parse(text) if text.strip() else None
        except DoesNotFit as error:
            raise ValidationError(str(error)) from error
