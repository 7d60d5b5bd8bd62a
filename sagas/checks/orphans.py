"""After a deploy, the code can still continue every open run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from ..declare import registry
from ..errors import SagaError

NAMED = 3  # how many of the oldest runs a message names

OPEN_RUNS = """
SELECT name, version, steps, count(*), (array_agg(key ORDER BY id))[:%(named)s]
FROM (SELECT r.id, r.name, r.version, r.key,
             (SELECT array_agg(s.name ORDER BY s.position) FROM saga_step s WHERE s.run_id = r.id) AS steps
      FROM saga_run r WHERE r.status IN ('running', 'undoing', 'stuck')) runs
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


@register(Tags.database)
def check_orphans(databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """For each open run, this code declares its saga, its version and its steps.

    `migrate` and `check --database default` run this check.
    """
    if not databases or "default" not in databases:
        return []
    connection = connections["default"]
    if "saga_run" not in connection.introspection.table_names():
        return []
    with connection.cursor() as cursor:
        cursor.execute(OPEN_RUNS, {"named": NAMED})
        rows = cursor.fetchall()
    return [problem for row in rows if (problem := _orphan(*row)) is not None]


def _orphan(name: str, version: int, steps: list[str], count: int, keys: list[str]) -> CheckMessage | None:
    runs = f"{count} open {'run' if count == 1 else 'runs'} of {name} version {version}"
    try:
        declared = [step.name for step in registry.find(name, version).steps]
    except SagaError:
        hint = f"Keep version {version} registered beside the new one until those runs are finished."
        return Error(f"{runs} would be left without a declaration: {_some(keys, count)}.", hint=hint, id="sagas.E020")
    if declared != steps:
        hint = "Put the steps back, and make the change under a new version."
        text = f"{runs} started with other steps than are declared now, {', '.join(steps)}: {_some(keys, count)}."
        return Error(text, hint=hint, id="sagas.E021")
    return None


def _some(keys: list[str], count: int) -> str:
    """The first few keys, and how many more there are."""
    more = count - len(keys)
    return ", ".join(keys) + (f" and {more} more" if more else "")
