"""SAGAS_SECOND_PERSON names acts that exist."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from ..desk import VERBS
from ..settings import saga_settings


@register("sagas")
def check_second_person(**_: Any) -> list[CheckMessage]:
    """A name that is no verb would leave the act that was meant to one person."""
    unknown = sorted(set(saga_settings.SECOND_PERSON) - set(VERBS))
    if not unknown:  # a text is a set of letters, none of which is a verb
        return []
    hint = f"Name acts of the desk in a tuple: {', '.join(VERBS)}."
    return [Error(f"SAGAS_SECOND_PERSON names no act: {', '.join(unknown)}.", hint=hint, id="sagas.E040")]
