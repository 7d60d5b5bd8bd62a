"""The request id and the W3C trace context that follow one request through messages, tasks and calls.

Format of `traceparent`: https://www.w3.org/TR/trace-context/#traceparent-header (version 00).

Without a tracing library the ids alone are passed on. With one (`outbox.telemetry`) its spans are the hops, and what
belongs to none of them is marked as not recorded.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Protocol

TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True, slots=True)
class Trace:
    """Where work comes from: the request that caused it, and its place in the trace."""

    request_id: str
    traceparent: str

    @property
    def trace_id(self) -> str:
        """The 32 hex digits that all work of one request shares."""
        return self.traceparent[3:35]

    def child(self) -> Trace:
        """The same trace for the next hop, with a new span id of 16 hex digits; a tracing library makes its own."""
        if _library is not None:
            return self
        return replace(self, traceparent=f"{self.traceparent[:36]}{secrets.token_hex(8)}{self.traceparent[52:]}")

    def headers(self) -> dict[str, str]:
        """HTTP or message headers that pass the trace on."""
        return {"traceparent": self.traceparent, "X-Request-Id": self.request_id}


class Library(Protocol):
    """A tracing library that keeps a context of its own."""

    def current(self, ours: Trace | None) -> Trace | None:
        """Where its current span is, with the request id of `ours`; `ours` when it has none."""

    def attach(self, trace: Trace) -> object:
        """Have the spans that begin now be children of what `trace` names; returns what `detach` takes."""

    def detach(self, attached: object) -> None:
        """Take that back."""


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)
_library: Library | None = None


def follow(library: Library | None) -> None:
    """Have the library's spans be the hops from now on; None: no library's. For `outbox.telemetry`."""
    global _library
    _library = library


def current_or_none() -> Trace | None:
    """The trace of the current work; None when it has none."""
    found = _current.get()
    return found if _library is None else _library.current(found)


def current() -> Trace:
    """The trace of the current work; a new one when it has none."""
    return current_or_none() or start()


def start(request_id: str = "", traceparent: str = "") -> Trace:
    """A trace from values that came from outside; missing or malformed values are made new.

    Where a tracing library decides what is recorded, a new one is not: it has no span to begin with.
    """
    if not TRACEPARENT.fullmatch(traceparent):
        flags = "01" if _library is None else "00"
        traceparent = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-{flags}"
    if not REQUEST_ID.fullmatch(request_id):
        request_id = secrets.token_hex(8)
    return Trace(request_id, traceparent)


def from_headers(headers: Mapping[str, str]) -> Trace:
    """The trace that `Trace.headers` wrote, on its next hop."""
    return start(headers.get("X-Request-Id", ""), headers.get("traceparent", "")).child()


def of_request(headers: Mapping[str, str]) -> Trace:
    """The trace of an HTTP request: of the span that a tracing library has begun for it, else of its headers."""
    given = from_headers(headers)
    return given if _library is None else _library.current(given) or given


@contextmanager
def use(trace: Trace) -> Iterator[Trace]:
    """Make `trace` the current one within the block."""
    token, library = _current.set(trace), _library
    attached = None if library is None else library.attach(trace)
    try:
        yield trace
    finally:
        if library is not None and attached is not None:
            library.detach(attached)
        _current.reset(token)


def bound(function: Callable[[], None]) -> Callable[[], None]:
    """The function, to be called later, and then in the trace of now."""
    now = current_or_none()
    if now is None:
        return function

    def in_its_trace() -> None:
        with use(now):
            function()

    return in_its_trace
