"""What is refused before anything runs, each with a sentence that says how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from outbox import codec

from . import registry
from .declaration import UNDECLARED, Saga, Step
from .dispatch import lease_seconds
from .errors import SagaError
from .settings import saga_settings


@register("sagas")
def check_declarations(**_: Any) -> list[CheckMessage]:
    """Every declared saga can run as it stands."""
    return [problem for saga in registry.all_sagas() for problem in _saga_problems(saga)]


@register("sagas")
def check_broker(**_: Any) -> list[CheckMessage]:
    """A step ends before the broker takes its message for lost."""
    options = getattr(settings, "CELERY_BROKER_TRANSPORT_OPTIONS", {})
    timeout = options.get("visibility_timeout", 3600)
    found: list[CheckMessage] = []
    for saga in registry.all_sagas():
        for step in saga.steps:
            if lease_seconds(step) >= timeout:
                hint = "Raise visibility_timeout in CELERY_BROKER_TRANSPORT_OPTIONS, or shorten the step's timeout."
                text = f"{step.title} may take {lease_seconds(step):g} s; the broker redelivers after {timeout} s."
                found.append(Error(text, hint=hint, id="sagas.E010"))
    if saga_settings.SHORT_WAIT.total_seconds() * 3 > timeout:
        text = f"SAGAS_SHORT_WAIT is above a third of the broker's visibility timeout, {timeout} s."
        found.append(Error(text, hint="Lower it: a longer wait rides on the sweep.", id="sagas.E011"))
    return found


@register("sagas", Tags.compatibility)
def check_kombu(**_: Any) -> list[CheckMessage]:
    """kombu before 5.7 leaves workers deaf after a lost Redis connection, and has no batch publishing."""
    version = metadata.version("kombu")
    if tuple(int(part) for part in version.split(".")[:2]) < (5, 7):
        return [Error(f"kombu {version} is too old.", hint="Install kombu 5.7 or later.", id="sagas.E012")]
    return []


@register(Tags.database)
def check_orphans(databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """No open run needs a declaration, or a step, that this code no longer has."""
    if not databases or "default" not in databases:
        return []
    connection = connections["default"]
    if "saga_run" not in connection.introspection.table_names():
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, version, steps, count(*) FROM (SELECT r.name, r.version, "
            "(SELECT array_agg(s.name ORDER BY s.position) FROM saga_step s WHERE s.run_id = r.id) AS steps "
            "FROM saga_run r WHERE r.status IN ('running', 'undoing', 'stuck')) runs GROUP BY 1, 2, 3"
        )
        rows = cursor.fetchall()
    return [problem for row in rows if (problem := _orphan(*row)) is not None]


def _saga_problems(saga: Saga[Any]) -> Iterable[CheckMessage]:
    pivot = saga.pivot_step
    if not saga.steps:
        yield Error(f"{saga.name} has no steps.", hint=f"Declare one with @{saga.name}.step.", id="sagas.E001")
    try:
        codec.check_type(saga.input_type)
    except (SagaError, TypeError) as error:
        yield Error(str(error), hint="An input is a dataclass of plain values.", id="sagas.E002")
    for step in saga.steps:
        if step.undo_run is UNDECLARED and (pivot is None or step.position < pivot.position):
            hint = f"Add @{step.name}.undo, or say that there is nothing to undo: @{saga.name}.step(undo=None)."
            yield Error(f"{step.title} comes before the pivot and has no undo.", hint=hint, id="sagas.E003")
        yield from _step_problems(step)


def _step_problems(step: Step[Any, Any]) -> Iterable[CheckMessage]:
    if step.result_type is Any:
        hint = "Annotate its return type, None if it returns nothing: its result is read back by it."
        yield Warning(f"{step.title} does not say what it returns.", hint=hint, id="sagas.W004")
    elif step.result_type is not type(None):
        try:
            codec.check_type(step.result_type)
        except TypeError as error:
            yield Error(f"{step.title}: {error}", hint="A result is carried as JSON.", id="sagas.E005")


def _orphan(name: str, version: int, steps: list[str], count: int) -> CheckMessage | None:
    try:
        declared = [step.name for step in registry.find(name, version).steps]
    except SagaError:
        hint = f"Keep version {version} registered beside the new one until those runs are finished."
        return Error(f"{count} open runs of {name} version {version} have no declaration.", hint=hint, id="sagas.E020")
    if declared != steps:
        hint = "Put the steps back, and make the change under a new version."
        text = f"{count} open runs of {name} version {version} were started with other steps: {', '.join(steps)}."
        return Error(text, hint=hint, id="sagas.E021")
    return None
