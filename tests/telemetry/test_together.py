"""What is done at once for several orders is seen in the trace of each, and in one that is linked with all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from outbox.declare.events import registry
from outbox.masking import MASK
from outbox.messages import trace
from sagas.models import Run
from tests.support.hostapp.subscribers import TOGETHER
from tests.support.outbox.steps import look, opened, take
from tests.support.sagas.hands import begin_many, carry_hand, take_all

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("tracer")]
KEY = "sk_live_4eC39HqLyjWDarjtT1"
Spans = InMemorySpanExporter


def given(number: int, flags: str = "01") -> trace.Trace:
    """The trace of one order."""
    return trace.start(f"order-{number}", f"00-{number:032x}-{number:016x}-{flags}")


def ended(told: Spans, name: str) -> list[ReadableSpan]:
    return [span for span in told.get_finished_spans() if span.name == name]


def trace_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.trace_id)


def assert_linked(whole: ReadableSpan, parts: list[ReadableSpan]) -> None:
    assert {link.context.span_id for link in whole.links} == {part.context.span_id for part in parts if part.context}
    assert [[link.context.trace_id for link in part.links] for part in parts] == [[trace_of(whole)]] * len(parts)


def taken(*numbers: int, flags: str = "01", behaviour: str = "succeed") -> None:
    """A message of each order, delivered at once."""
    for number in numbers:
        with trace.use(given(number, flags)):
            take(f"order-{number}", f"name-{number}", behaviour=behaviour)
    opened(TOGETHER)


def test_a_batch_of_messages_is_a_span_in_the_trace_of_each(told: Spans) -> None:
    taken(1, 2, 3)
    look(TOGETHER, "order-1", "order-2", "order-3")
    parts, (whole,) = ended(told, f"deliver {TOGETHER}"), ended(told, f"deliver {TOGETHER} at once")
    assert {trace_of(part) for part in parts} == {1, 2, 3}
    assert {part.attributes["outbox.key"] for part in parts if part.attributes} == {"order-1", "order-2", "order-3"}
    assert whole.parent is None
    assert_linked(whole, parts)
    assert all((part.start_time or 0) <= (whole.start_time or 0) for part in parts)
    assert all((part.end_time or 0) >= (whole.end_time or 0) for part in parts), "they last as long as the handler"


def test_the_handler_of_one_message_runs_in_that_ones_trace(told: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    noting = replace(registry.subscribers[TOGETHER], handler=lambda _: seen.append(trace.current().trace_id))
    monkeypatch.setitem(registry.subscribers, TOGETHER, noting)
    taken(1)
    look(TOGETHER, "order-1")
    assert [int(one, 16) for one in seen] == [1]
    assert len(ended(told, f"deliver {TOGETHER}")) == 1
    assert not ended(told, f"deliver {TOGETHER} at once")


def test_a_batch_that_nobody_records_is_not_recorded(told: Spans) -> None:
    taken(1, 2, flags="00")
    look(TOGETHER, "order-1", "order-2")
    assert told.get_finished_spans() == ()


def test_a_batch_that_fails_has_failed_in_the_trace_of_each_and_shows_no_secret(
    told: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_messages: object) -> None:
        raise RuntimeError(f"the processor says: {KEY}")

    monkeypatch.setitem(registry.subscribers, TOGETHER, replace(registry.subscribers[TOGETHER], handler=fails))
    taken(1, 2)
    with pytest.raises(RuntimeError):
        look(TOGETHER, "order-1", "order-2")
    failed = [span for span in told.get_finished_spans() if not span.status.is_ok and span.status.description]
    assert {trace_of(span) for span in failed} >= {1, 2}
    assert {span.status.description for span in failed} == {f"RuntimeError: the processor says: sk_{MASK}"}
    events = [event for span in failed for event in span.events]
    assert events
    assert not [event for event in events if KEY in str(event.attributes)]


def test_steps_that_are_recorded_at_once_are_in_the_traces_of_their_runs(told: Spans) -> None:
    for number in range(3):
        with trace.use(given(number + 1)):
            begin_many(1, first=number)
    carry_hand(take_all())
    assert set(Run.objects.values_list("status", flat=True)) == {"completed"}
    parts = ended(told, "record errand.think")
    (whole,) = [
        span
        for span in ended(told, "record steps at once")
        if {link.context.span_id for link in span.links} == {part.context.span_id for part in parts if part.context}
    ]
    assert {trace_of(part) for part in parts} == {1, 2, 3}
    assert_linked(whole, parts)
    steps = {span.context.span_id for span in ended(told, "step errand.think") if span.context}
    assert {part.parent.span_id for part in parts if part.parent} == steps, "under the step that it records"
