"""Hides secrets in the text of errors, before it is stored, logged or shown: a participant may quote what we sent it.

Hidden are the values of settings that are secrets by their names, passwords in addresses, and what has the form of a
key of ours, whatever the settings say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from .messages.texts import plain

MASK = "••••••"
NAMES = re.compile("PASSWORD|SECRET|TOKEN|API_?KEY|DSN")
SHORTEST = 6
"""Characters; a shorter value would hide words that have nothing to do with it."""
FORMS = (
    (re.compile(r"\b(sk|rk|whsec)_[A-Za-z0-9_+/=-]{4,}"), rf"\1_{MASK}"),
    (re.compile(r"\b(Bearer|Basic) +[A-Za-z0-9._~+/=-]{12,}"), rf"\1 {MASK}"),
    (re.compile(r"(://[^\s:/@]*):[^\s/@]+@"), rf"\1:{MASK}@"),
)


def masked(text: str, longest: int | None = None) -> str:
    """The text as it can be stored, see `plain`, without secrets; cut to `longest` characters when that is given."""
    for form, kept in FORMS:
        text = form.sub(kept, text)
    known = _known()
    return plain(text if known is None else known.sub(MASK, text), longest)


@cache
def _known() -> re.Pattern[str] | None:
    """Any of the settings' secrets, the longest first, since one may begin as another does."""
    found = sorted({secret for secret in _secrets() if len(secret) >= SHORTEST}, key=lambda one: (-len(one), one))
    return re.compile("|".join(map(re.escape, found))) if found else None


def _secrets() -> Iterator[str]:
    for name in dir(settings):
        if name.isupper() and NAMES.search(name):
            try:
                value = getattr(settings, name)
            except ImproperlyConfigured:  # SECRET_KEY, in a project that has none
                continue
            yield from _parts(value)
    for database in settings.DATABASES.values():
        yield from _parts(database.get("PASSWORD"))


def _parts(value: Any) -> Iterator[str]:
    """Of a setting that names several, as while one key replaces another, each."""
    if isinstance(value, str):
        yield from (part for part in re.split(r"[\s,]+", value) if part)


def _forget(**_: object) -> None:
    _known.cache_clear()


setting_changed.connect(_forget, dispatch_uid="outbox.masking")
