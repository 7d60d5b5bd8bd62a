"""Has OpenTelemetry follow the current trace: one from a request through outbox, relay, chains, steps and subscribers.

`follow()` needs `opentelemetry-api`, and a provider that the project has set; nothing else here imports it. Without the
call no function of OpenTelemetry runs. Do not add its instrumentations of Celery and Redis: a task's context is its
message's, which those overwrite.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from opentelemetry import context
from opentelemetry import trace as otel
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from .messages import spans, trace
from .messages.spans import Facts, Kind
from .messages.trace import Trace

KINDS = {"internal": SpanKind.INTERNAL, "producer": SpanKind.PRODUCER, "consumer": SpanKind.CONSUMER}


def follow() -> None:
    """From now on spans are made, in this process and those that it forks, by the provider that is set by then."""
    library = OpenTelemetry()
    trace.follow(library)
    spans.tell(library)


def unfollow() -> None:
    """Make none any more."""
    trace.follow(None)
    spans.tell(None)


class OpenTelemetry:
    """The library, as `trace.Library` and `spans.Spans`."""

    def __init__(self) -> None:
        self._tracer = otel.get_tracer("settle.outbox")

    def current(self, ours: Trace | None) -> Trace | None:
        """See `trace.Library`. A span that began without us has a request id of its trace's."""
        at = otel.get_current_span().get_span_context()
        if not at.is_valid:
            return ours
        traceparent = _traceparent(at)
        if ours is not None and ours.traceparent == traceparent:
            return ours
        return Trace(traceparent[3:19] if ours is None else ours.request_id, traceparent)

    def attach(self, trace: Trace) -> object:
        """See `trace.Library`. None when that span is the current one: it stays, to be told more of."""
        at = _span_context(trace)
        now = otel.get_current_span().get_span_context()
        if (now.trace_id, now.span_id) == (at.trace_id, at.span_id):
            return None
        return context.attach(_under(trace))

    def detach(self, attached: object) -> None:
        """See `trace.Library`."""
        context.detach(attached)  # type: ignore[arg-type]

    def span(self, name: str, kind: Kind, facts: Facts) -> AbstractContextManager[object]:
        """See `spans.Spans`."""
        return self._tracer.start_as_current_span(name, kind=KINDS[kind], attributes=facts)

    def begin(
        self, name: str, kind: Kind, facts: Facts, parent: Trace
    ) -> tuple[Trace, Callable[[Exception | None], None]]:
        """See `spans.Spans`."""
        begun = self._tracer.start_span(name, context=_under(parent), kind=KINDS[kind], attributes=facts)

        def end(error: Exception | None) -> None:
            if error is not None:
                begun.record_exception(error)
                begun.set_status(Status(StatusCode.ERROR, str(error)))
            begun.end()

        return Trace(parent.request_id, _traceparent(begun.get_span_context())), end

    def failed(self, error: BaseException) -> None:
        """See `spans.Spans`."""
        current = otel.get_current_span()
        current.record_exception(error)
        current.set_status(Status(StatusCode.ERROR, f"{type(error).__qualname__}: {error}"))

    def note(self, what: str, facts: Facts) -> None:
        """See `spans.Spans`."""
        otel.get_current_span().add_event(what, facts)


def _under(parent: Trace) -> context.Context:
    return otel.set_span_in_context(otel.NonRecordingSpan(_span_context(parent)), context.Context())


def _span_context(at: Trace) -> SpanContext:
    _, trace_id, span_id, flags = at.traceparent.split("-")
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))


def _traceparent(at: SpanContext) -> str:
    return f"00-{at.trace_id:032x}-{at.span_id:016x}-{at.trace_flags:02x}"
