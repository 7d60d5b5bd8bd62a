"""The setting SAGAS_SECOND_PERSON names acts that exist."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from ..desk import VERBS
from ..settings import saga_settings


@register("sagas")
def check_second_person(**_: Any) -> list[CheckMessage]:
    """Each name is a verb of the desk. Otherwise one person could do the act that was meant."""
    unknown = sorted(set(saga_settings.SECOND_PERSON) - set(VERBS))
    if not unknown:  # a str in place of a tuple is a set of letters: no letter is a verb
        return []
    hint = f"Name acts of the desk in a tuple: {', '.join(VERBS)}."
    return [Error(f"SAGAS_SECOND_PERSON names no act: {', '.join(unknown)}.", hint=hint, id="sagas.E040")]
