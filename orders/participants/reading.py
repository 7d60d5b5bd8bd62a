"""What a participant answered, read strictly: an answer that does not say what it must is no answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from outbox.messages.texts import plain

from .errors import Unreadable

LARGEST = 2**31 - 1
"""What our columns of whole numbers hold."""
SHOWN = 60  # characters of what came instead


@dataclass(frozen=True, slots=True)
class Said:
    """A JSON object of a participant's answer. What is read of it is there, of its kind, and can be kept.

    Each method raises Unreadable, naming the field: the call may have been applied, and is asked for again.
    """

    participant: str
    body: Mapping[str, Any]

    def text(self, field: str) -> str:
        """A text that is not empty."""
        value = self.body.get(field)
        text = plain(value) if isinstance(value, str) else ""
        if not text.strip():
            raise self._unreadable(field, "a text", value)
        return text

    def number(self, field: str) -> int:
        """A whole number of up to 31 bits."""
        value = self.body.get(field)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > LARGEST:
            raise self._unreadable(field, "a whole number", value)
        return value

    def day(self, field: str) -> date:
        """A date, ISO 8601."""
        text = self.text(field)
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            raise self._unreadable(field, "a date", text) from error

    def rows(self, field: str) -> list[Said]:
        """A list of objects."""
        value = self.body.get(field)
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise self._unreadable(field, "a list of objects", value)
        return [Said(self.participant, row) for row in value]

    def _unreadable(self, field: str, wanted: str, value: object) -> Unreadable:
        came = f"{value!r:.{SHOWN}} came" if field in self.body else "it is missing"
        what = f"gave an answer that cannot be used: {field!r} is to be {wanted}, and {came}"
        return Unreadable(self.participant, what)
