"""Makes text from outside storable in PostgreSQL and JSON."""

from __future__ import annotations

import re

_HALF = re.compile("[\ud800-\udfff]")  # half of a surrogate pair: UTF-8 has no bytes for it
UNREADABLE = "\N{REPLACEMENT CHARACTER}"


def plain(text: str, longest: int | None = None) -> str:
    """The text without NUL, which PostgreSQL cannot store, and with U+FFFD for each half of a surrogate pair.

    Cut to `longest` characters when that is given.
    """
    kept = _HALF.sub(UNREADABLE, text.replace("\x00", ""))
    return kept if longest is None else kept[:longest]
