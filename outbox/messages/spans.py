"""What a tracing library is told of the work here: a span for each piece of it. Without one each call is nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, NamedTuple, Protocol

from .trace import Trace

Kind = Literal["internal", "producer", "consumer"]
Facts = dict[str, str | int]


class Part(NamedTuple):
    """One of several pieces of work that are done together, each of a trace of its own."""

    name: str
    facts: Facts
    trace: Trace


class Spans(Protocol):
    """Of a tracing library: see `outbox.telemetry`."""

    def span(self, name: str, kind: Kind, facts: Facts) -> AbstractContextManager[object]:
        """The block is a span within the current one; an exception that leaves it is its failure."""

    def begin(
        self, name: str, kind: Kind, facts: Facts, parent: Trace
    ) -> tuple[Trace, Callable[[Exception | None], None]]:
        """Begin a span that is nobody's current one; returns its place, and what ends it."""

    def together(self, name: str, kind: Kind, parts: Sequence[Part]) -> AbstractContextManager[object]:
        """The block is a span for each part in its own trace, and one for all of them, which is the current one.

        That one is in a trace of its own, with links to the parts and from them; of a single part there is only the
        part's. It is none where nobody records any of the parts.
        """

    def failed(self, error: BaseException) -> None:
        """The current span has failed."""

    def note(self, what: str, facts: Facts) -> None:
        """Something happened within the current span."""


library: Spans | None = None
"""None: nobody traces. Whoever would prepare something for a span asks this first."""
NOTHING = nullcontext
"""The block that is no span, for whoever has asked already."""


def tell(spans: Spans | None) -> None:
    """Tell this library from now on; None: nobody. For `outbox.telemetry`."""
    global library
    library = spans


def span(name: str, kind: Kind, facts: Facts) -> AbstractContextManager[object]:
    """A span for the block; `facts` are its attributes."""
    return NOTHING() if library is None else library.span(name, kind, facts)


def failed(error: BaseException) -> None:
    """The current span has failed by an error that somebody has caught."""
    if library is not None:
        library.failed(error)


def note(what: str, **facts: str | int) -> None:
    """Something happened within the current span that is no failure, such as a refusal."""
    if library is not None:
        library.note(what, dict(facts))
