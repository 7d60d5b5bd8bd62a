"""Only a request begins a trace, and whoever began one elsewhere decides whether it is recorded."""

from __future__ import annotations

import pytest
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind

from config.telemetry.sampler import Requests, configured
from outbox.messages import trace

TRACE_ID, SPAN_ID = "a" * 32, "b" * 16


@pytest.mark.parametrize(
    ("kind", "recorded"), [(SpanKind.SERVER, True), (SpanKind.CLIENT, False), (SpanKind.CONSUMER, False)]
)
def test_a_request_alone_begins_a_trace(tracer, kind, recorded):
    assert tracer.start_span("a", kind=kind).is_recording() is recorded


@pytest.mark.parametrize(("flags", "recorded"), [("01", True), ("00", False)])
def test_the_flags_of_a_caller_are_kept(tracer, flags, recorded):
    given = trace.start("r", f"00-{TRACE_ID}-{SPAN_ID}-{flags}")
    with trace.use(given), tracer.start_as_current_span("a", kind=SpanKind.SERVER) as span:
        assert span.is_recording() is recorded
        assert trace.current().trace_id == TRACE_ID
        assert trace.current().traceparent.endswith(flags)
        assert trace.current().request_id == "r"


def test_what_belongs_to_no_request_is_marked_as_not_recorded(tracer):
    with trace.use(trace.start()) as current:
        assert current.traceparent.endswith("-00")
        assert not tracer.start_span("a", kind=SpanKind.CONSUMER).is_recording()


def test_a_hop_is_a_span_and_no_invented_one(tracer):
    with tracer.start_as_current_span("a", kind=SpanKind.SERVER) as span:
        current = trace.current()
        assert current.child() == current
        assert current.traceparent[36:52] == f"{span.get_span_context().span_id:016x}"
        with trace.use(current):
            assert otel.get_current_span() is span, "the span itself stays current, to be told more of"


@pytest.mark.parametrize(("name", "argument"), [("sometimes", ""), ("traceidratio", "2"), ("traceidratio", "half")])
def test_a_sampler_that_there_is_not_is_refused(monkeypatch, name, argument):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", name)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", argument)
    with pytest.raises(ValueError, match="OTEL_TRACES_SAMPLER"):
        configured()


def test_a_ratio_is_of_the_requests(monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    provider = TracerProvider(sampler=Requests(configured()).with_parents())
    assert not provider.get_tracer("tests").start_span("a", kind=SpanKind.SERVER).is_recording()
    provider.shutdown()
