"""Has OpenTelemetry follow the current trace: one from a request through outbox, relay, chains, steps and subscribers.

`follow()` needs `opentelemetry-api`, and a provider that the project has set; nothing else here imports it. Without the
call no function of OpenTelemetry runs. Do not add its instrumentations of Celery and Redis: a task's context is its
message's, which those overwrite.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from opentelemetry import context
from opentelemetry import trace as otel
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from .masking import masked
from .messages import spans, trace
from .messages.spans import Facts, Kind, Part
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
        return self._current(self._tracer.start_span(name, kind=KINDS[kind], attributes=facts))

    def begin(
        self, name: str, kind: Kind, facts: Facts, parent: Trace
    ) -> tuple[Trace, Callable[[Exception | None], None]]:
        """See `spans.Spans`."""
        begun = self._tracer.start_span(name, context=_under(parent), kind=KINDS[kind], attributes=facts)

        def end(error: Exception | None) -> None:
            if error is not None:
                _fail(begun, error)
            begun.end()

        return Trace(parent.request_id, _traceparent(begun.get_span_context())), end

    @contextmanager
    def together(self, name: str, kind: Kind, parts: Sequence[Part]) -> Iterator[None]:
        """See `spans.Spans`."""
        begun = [
            self._tracer.start_span(part.name, context=_under(part.trace), kind=KINDS[kind], attributes=part.facts)
            for part in parts
        ]
        recorded = [one for one in begun if one.is_recording()]
        if not recorded:
            yield
            return
        whole = begun[0] if len(begun) == 1 else self._linked(name, kind, recorded)
        others = [one for one in recorded if one is not whole]
        try:
            with self._current(whole):
                yield
        except Exception as error:
            for one in others:
                _fail(one, error)
            raise
        finally:
            for one in others:
                one.end()

    def _linked(self, name: str, kind: Kind, parts: Sequence[Span]) -> Span:
        """A span in a trace of its own, linked with the parts, both ways."""
        links = [Link(one.get_span_context()) for one in parts]
        whole = self._tracer.start_span(name, context=context.Context(), kind=KINDS[kind], links=links)
        for one in parts:
            one.add_link(whole.get_span_context())
        return whole

    @contextmanager
    def _current(self, span: Span) -> Iterator[None]:
        """Have the span be the current one, and end it after the block; an error that leaves it is its failure."""
        with otel.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield
            except Exception as error:
                _fail(span, error)
                raise

    def failed(self, error: BaseException) -> None:
        """See `spans.Spans`."""
        _fail(otel.get_current_span(), error)

    def note(self, what: str, facts: Facts) -> None:
        """See `spans.Spans`."""
        otel.get_current_span().add_event(what, facts)


def _fail(span: Span, error: BaseException) -> None:
    """The span has failed by the error; secrets that its text quotes are masked."""
    if not span.is_recording():
        return
    trail = "".join(traceback.format_exception(error))
    shown = {"exception.message": masked(str(error)), "exception.stacktrace": masked(trail)}
    span.record_exception(error, attributes=shown)
    span.set_status(Status(StatusCode.ERROR, masked(f"{type(error).__qualname__}: {error}")))


def _under(parent: Trace) -> context.Context:
    return otel.set_span_in_context(otel.NonRecordingSpan(_span_context(parent)), context.Context())


def _span_context(at: Trace) -> SpanContext:
    _, trace_id, span_id, flags = at.traceparent.split("-")
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))


def _traceparent(at: SpanContext) -> str:
    return f"00-{at.trace_id:032x}-{at.span_id:016x}-{at.trace_flags:02x}"
