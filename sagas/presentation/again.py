"""Which runs a run is once more, and which are it once more: by the record of the act."""

from __future__ import annotations

from collections.abc import Sequence

from ..models import Act


def again_of(acts: Sequence[Act]) -> list[tuple[str, str, str]]:
    """What it is, the other run's id, and its key."""
    found = []
    for act in acts:
        if "again_of" in act.before:
            found.append(
                (f"Runs again, from {act.after['from_step']} on", act.before["again_of"], act.before["again_of_key"])
            )
        if "again_run" in act.after:
            found.append(
                (f"Run again, from {act.after['from_step']} on", act.after["again_run"], act.after["again_key"])
            )
    return found
