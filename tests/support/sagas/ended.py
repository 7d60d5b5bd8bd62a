"""Runs that have ended, or are stuck, some of them long ago."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import F

from sagas import Refused, desk
from sagas.models import Run

from .driver import begin, carry
from .errand import Errand, errand

LOST = TimeoutError("no answer")
YEAR = timedelta(days=365)
archived: list[list[dict[str, Any]]] = []
"""What `keep` was given."""


def keep(runs: list[dict[str, Any]]) -> None:
    """An archive."""
    archived.append(runs)


def finished(key: str = "key-1") -> UUID:
    return carry(begin(errand, Errand("milk"), key)).id


def undone(world: Any, key: str) -> UUID:
    world.faults["pay"] = [Refused("card_declined")]
    return carry(begin(errand, Errand("milk"), key)).id


def stuck(world: Any, key: str) -> UUID:
    world.faults["deliver"] = [Refused("no_such_door")]
    return carry(begin(errand, Errand("milk"), key)).id


def resolved(world: Any, key: str) -> UUID:
    run_id = stuck(world, key)
    ann = get_user_model().objects.create_user(f"ann-{key}")
    desk.resolve(run_id, actor=ann, reason="handed over by hand", ended="completed")
    return run_id


def grow_old(**which: object) -> None:
    """All times of these runs a year ago, as far as they are set."""
    times = ("created_at", "updated_at", "finished_at", "wake_at", "deadline_at")
    Run.objects.filter(**which).update(**{name: F(name) - YEAR for name in times})


def left() -> set[str]:
    return set(Run.objects.values_list("key", flat=True))
