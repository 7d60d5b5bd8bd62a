"""What a message carries, whatever the transport."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import NamedTuple, TypedDict, cast
from uuid import UUID

from ..errors import CannotRead
from ..ids import day_of
from . import codec

TASKS = "tasks"
"""The destination of messages written before destinations had names."""


class Wire(TypedDict):
    """An envelope as a transport carries it: plain JSON values, the payload still as text."""

    id: str
    type: str
    version: int
    key: str
    payload: str
    headers: str
    occurred_at: str
    position: int
    destination: str
    attempts: int
    again: bool


class Envelope(NamedTuple):
    """One message, all as the text that `publish` and PostgreSQL made: the relay parses nothing."""

    id: str
    """A UUID; of version 7 when it was written here."""
    type: str
    version: int
    key: str
    payload: str
    headers: str
    occurred_at: str
    """ISO 8601, with the offset from UTC."""
    position: int = 0
    """Its place among the messages of its key: the id of its row in the outbox."""
    destination: str = ""
    """The destination it was published to; empty for a message of another service."""
    attempts: int = 0
    """Failed tries when this copy was published: a copy with an outdated number is dropped."""
    again: bool = False
    """Whether an earlier copy was published before this one."""

    @property
    def trace_headers(self) -> dict[str, str]:
        """The headers as a dict. Raises CannotRead when they are not a JSON object of strings."""
        try:
            return codec.decode(dict[str, str], self.headers)
        except ValueError as error:
            raise CannotRead(f"The headers cannot be read: {error}") from error

    @property
    def written_at(self) -> datetime:
        """`occurred_at` as a datetime."""
        return datetime.fromisoformat(self.occurred_at)

    @property
    def day(self) -> date:
        """The message's day in UTC, the same for each copy: the partition of the inbox and of the history.

        From the id, or from `occurred_at` when the id contains no time.
        """
        return day_of(UUID(self.id)) or self.written_at.astimezone(UTC).date()

    def wire(self) -> Wire:
        """The envelope for a transport."""
        return cast(Wire, self._asdict())

    @classmethod
    def from_wire(cls, wire: Wire) -> Envelope:
        """The envelope on the receiving side. An old release without destinations names none: then it is TASKS."""
        return cls(**{"destination": TASKS, **wire})  # type: ignore[arg-type]
