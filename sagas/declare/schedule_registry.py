"""The registry of declared schedules, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import SagaDeclarationError

if TYPE_CHECKING:
    from .schedule import Schedule

_schedules: dict[str, Schedule[Any]] = {}


def register(schedule: Schedule[Any]) -> None:
    """Add a schedule. Raises SagaDeclarationError when its name is taken."""
    if schedule.name in _schedules:
        raise SagaDeclarationError(
            f"Two schedules are named {schedule.name}: give one of them a name of its own, Schedule(…, name=…)."
        )
    _schedules[schedule.name] = schedule


def forget(schedule: Schedule[Any]) -> None:
    """Remove a schedule: for tests that declare their own."""
    _schedules.pop(schedule.name, None)


def find(name: str) -> Schedule[Any] | None:
    """The schedule of that name; None when this code does not declare it."""
    return _schedules.get(name)


def all_schedules() -> list[Schedule[Any]]:
    """All declared schedules, ordered by name."""
    return [_schedules[name] for name in sorted(_schedules)]
