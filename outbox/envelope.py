"""What a message carries on its way, whatever the transport."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TypedDict
from uuid import UUID

from . import codec
from .errors import CannotRead


class Wire(TypedDict):
    """An envelope as a transport carries it: plain JSON values, the payload still as text."""

    id: str
    type: str
    version: int
    key: str
    payload: str
    headers: str
    occurred_at: str
    attempts: int
    again: bool


@dataclass(frozen=True)
class Envelope:
    """One message, its payload and headers as the text that `publish` made."""

    id: UUID
    type: str
    version: int
    key: str
    payload: str
    headers: str
    occurred_at: datetime
    attempts: int = 0
    """Failed tries when this copy was published: a copy that is behind the books is dropped."""
    again: bool = False
    """Whether this copy follows an earlier one."""

    @cached_property
    def trace_headers(self) -> dict[str, str]:
        """The headers read; CannotRead when they are not a JSON object of strings."""
        try:
            return codec.decode(dict[str, str], self.headers)
        except ValueError as error:
            raise CannotRead(f"The headers cannot be read: {error}") from error

    def wire(self) -> Wire:
        """For the transport."""
        return Wire(
            id=str(self.id),
            type=self.type,
            version=self.version,
            key=self.key,
            payload=self.payload,
            headers=self.headers,
            occurred_at=self.occurred_at.isoformat(),
            attempts=self.attempts,
            again=self.again,
        )

    @classmethod
    def from_wire(cls, wire: Wire) -> Envelope:
        """The same envelope on the other side."""
        plain = {**wire, "id": UUID(wire["id"]), "occurred_at": datetime.fromisoformat(wire["occurred_at"])}
        return cls(**plain)  # type: ignore[arg-type]
