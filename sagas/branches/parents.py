"""The run in whose terms a branch's functions speak."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from outbox.messages import codec

from ..declare import registry
from ..errors import Unfit
from ..models import Run


@dataclass(frozen=True, slots=True)
class Parent:
    """A parent's run, as its branches see it."""

    run_id: UUID
    key: str
    input: Any = field(repr=False)


def parent_of(run_id: UUID) -> Parent:
    """Read the parent. Raises Unfit when its input cannot be read by this code, or it is gone."""
    row = Run.objects.filter(pk=run_id).values_list("name", "version", "key", "input").first()
    if row is None:
        raise Unfit(f"The parent's run {run_id} is gone, and its branch has nothing to go by.")
    name, version, key, input = row
    try:
        return Parent(run_id, key, codec.decode(registry.find(name, version).input_type, codec.encode(input)))
    except ValueError as error:
        raise Unfit(f"The input of the parent's run {run_id} does not fit this code: {error}") from error
