"""The request id and the W3C trace context that follow one request through messages, tasks and calls.

Format of `traceparent`: https://www.w3.org/TR/trace-context/#traceparent-header (version 00).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

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
        """The same trace for the next hop, with a new span id of 16 hex digits."""
        return replace(self, traceparent=f"{self.traceparent[:36]}{secrets.token_hex(8)}{self.traceparent[52:]}")

    def headers(self) -> dict[str, str]:
        """HTTP or message headers that pass the trace on."""
        return {"traceparent": self.traceparent, "X-Request-Id": self.request_id}


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current_or_none() -> Trace | None:
    """The trace of the current work; None when it has none."""
    return _current.get()


def current() -> Trace:
    """The trace of the current work; a new one when it has none."""
    return _current.get() or start()


def start(request_id: str = "", traceparent: str = "") -> Trace:
    """A trace from values that came from outside; missing or malformed values are made new."""
    if not TRACEPARENT.fullmatch(traceparent):
        traceparent = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    if not REQUEST_ID.fullmatch(request_id):
        request_id = secrets.token_hex(8)
    return Trace(request_id, traceparent)


def from_headers(headers: Mapping[str, str]) -> Trace:
    """The trace that `Trace.headers` wrote, on its next hop."""
    return start(headers.get("X-Request-Id", ""), headers.get("traceparent", "")).child()


@contextmanager
def use(trace: Trace) -> Iterator[Trace]:
    """Make `trace` the current one within the block."""
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)


def bound(function: Callable[[], None]) -> Callable[[], None]:
    """The function, to be called later, and then in the trace of now."""
    now = _current.get()
    if now is None:
        return function

    def in_its_trace() -> None:
        with use(now):
            function()

    return in_its_trace
