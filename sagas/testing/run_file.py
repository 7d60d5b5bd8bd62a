"""A run from a file of the desk, in a test's database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db import transaction

from outbox.messages import codec

from ..declare import registry
from ..errors import SagaError
from ..models import Act, Attempt, Attribute, Run, Signal, Step, Wait
from ..presentation.run_file import FORMAT
from .errors import ScenarioError

PARTS: dict[str, Any] = {"steps": Step, "attempts": Attempt, "acts": Act}
LATER_PARTS: dict[str, Any] = {"attributes": Attribute, "waits": Wait, "signals": Signal}
"""Those that an older file does not hold."""


def run_from_file(path: Path | str) -> Run:
    """The run that `manage.py saga export` or the run's page has written, with its steps, attempts and acts.

    It is exactly as it was: where it waited, it waits, and its times are those of then. Raises ScenarioError for a file
    of another kind, and for a run whose saga is not declared here.
    """
    try:
        whole = codec.decode(dict[str, Any], Path(path).read_text(encoding="utf-8"))
        given: dict[str, Any] = whole["run"]
        parts = {name: given.pop(name) for name in PARTS}
        parts |= {name: given.pop(name, []) for name in LATER_PARTS}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ScenarioError(f"{path} holds no run; write it with manage.py saga export.") from error
    if whole.get("format") != FORMAT:
        raise ScenarioError(f"{path} is of format {whole.get('format')}; this release reads format {FORMAT}.")
    try:
        registry.find(given["name"], given["version"])
    except SagaError as error:
        raise ScenarioError(f"{path}: {error}") from error
    with transaction.atomic():
        run = Run.objects.create(**_read(Run, given))
        for name, model in (PARTS | LATER_PARTS).items():
            model.objects.bulk_create([model(**_read(model, _anew(row))) for row in parts[name]])
    return Run.objects.get(pk=run.pk)


def _anew(row: dict[str, Any]) -> dict[str, Any]:
    """The row under an id of this database, where it has one."""
    return {**row, "id": None} if "id" in row else row


def _read(model: Any, row: dict[str, Any]) -> dict[str, Any]:
    """The columns as Python values. Raises ScenarioError for one that this release does not know."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    if unknown := sorted(set(row) - set(fields)):
        raise ScenarioError(f"The file holds {', '.join(unknown)}, which this release of sagas does not store.")
    return {
        name: value if fields[name].get_internal_type() == "JSONField" else fields[name].to_python(value)
        for name, value in row.items()
    }
