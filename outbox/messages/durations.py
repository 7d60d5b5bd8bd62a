"""Durations in words."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def say(span: timedelta) -> str:
    """At most two units: `40 ms`, `3.2 s`, `2 min 5 s`, `4 d 2 h`. The sign of a negative duration is left out."""
    seconds = abs(span.total_seconds())
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    left = round(seconds)
    for (size, unit), (smaller, smaller_unit) in pairwise(UNITS):
        if left >= size:
            more = left % size // smaller
            return f"{left // size} {unit} {more} {smaller_unit}" if more else f"{left // size} {unit}"
    return f"{left} s"
