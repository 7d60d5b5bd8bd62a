"""The participants that declared steps name."""

from __future__ import annotations

from django.core.checks import CheckMessage, Warning

from ..declare import registry
from ..settings import saga_settings


def declared() -> list[str]:
    """The participants that declared steps name, by name."""
    return sorted({step.participant for saga in registry.all_sagas() for step in saga.steps} - {""})


def participant_problems() -> list[CheckMessage]:
    """For the system checks: names in the setting that no step uses, such as a misspelt one whose limits are void."""
    used = declared()
    hint = f"Declared steps name {', '.join(used) or 'no participant'}. Correct the name, or remove the entry."
    return [
        Warning(f"SAGAS_PARTICIPANTS names {name!r}, which no step calls.", hint=hint, id="sagas.W030")
        for name in sorted(saga_settings.PARTICIPANTS)
        if name not in used
    ]
