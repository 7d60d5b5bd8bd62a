"""A person's answer, as it is kept for its step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NOT_APPROVED = "not_approved"
"""The code of a run that a person's no undoes."""


@dataclass(frozen=True)
class Answer:
    """Yes with the filled form, or no with words."""

    yes: bool
    by: str
    words: str
    form: Any = None
