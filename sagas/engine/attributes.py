"""Writes what a run is found by: when it starts, and anew when its input or its version changes."""

from __future__ import annotations

from typing import Any

from outbox.messages import codec

from .. import sql
from ..declare import attributes, registry
from ..declare.saga import Saga
from ..models import Attribute, Run


def attributes_of(saga: Saga[Any], input: Any) -> str | None:
    """The attributes of a run with this input, as JSON; None where the saga declares none.

    Raises Unfit, and what the saga's function raises.
    """
    if saga.attributes_run is None:
        return None
    found = attributes.checked(saga.name, saga.attributes_run(input))
    return codec.encode([{"name": one.name, "text": one.text, "number": one.number} for one in found])


def write_anew(run: Run) -> None:
    """Replace the run's attributes by those of its present input and version. The caller has locked the run.

    Raises as `attributes_of`, and ValueError when the input does not fit the saga.
    """
    saga = registry.find(run.name, run.version)
    Attribute.objects.filter(run=run).delete()
    if saga.attributes_run is not None:
        value = codec.decode(saga.input_type, codec.encode(run.input))
        sql.WRITE_ATTRIBUTES.count({"run": run.pk, "attributes": attributes_of(saga, value)})
