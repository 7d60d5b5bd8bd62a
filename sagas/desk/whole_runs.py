"""All that is stored of runs: for archives and files."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from ..models import Act, Attempt, Attribute, Run, Signal, Step, Wait


def whole_runs(ids: Collection[UUID]) -> list[dict[str, Any]]:
    """The runs as dicts of their columns, oldest first; `steps`, `attempts`, `acts`, `attributes`, `waits` and
    `signals` are lists of such."""
    parts = ("steps", "attempts", "acts", "attributes", "waits", "signals")
    runs: dict[UUID, dict[str, Any]] = {
        row["id"]: {**row, **{part: [] for part in parts}}
        for row in Run.objects.filter(pk__in=ids).order_by("pk").values()
    }
    _attach(runs, "steps", Step.objects.filter(run__in=ids).order_by("run", "position").values())
    _attach(runs, "attempts", Attempt.objects.filter(run__in=ids).order_by("pk").values())
    _attach(runs, "acts", Act.objects.filter(run__in=ids).order_by("pk").values())
    _attach(runs, "waits", Wait.objects.filter(run__in=ids).order_by("pk").values())
    _attach(runs, "signals", Signal.objects.filter(run__in=ids).order_by("pk").values())
    _attach(runs, "attributes", Attribute.objects.filter(run__in=ids).order_by("run", "name").values())
    return list(runs.values())


def _attach(runs: dict[UUID, dict[str, Any]], name: str, rows: Iterable[Any]) -> None:
    for row in rows:
        runs[row["run_id"]][name].append(row)
