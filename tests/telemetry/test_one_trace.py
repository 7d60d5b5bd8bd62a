"""All that one request causes is one trace, whatever happens on its way; a system at rest makes no span."""

from __future__ import annotations

import pytest

from outbox.models import Heartbeat
from sagas.models import Attempt
from tests.flows.stack import attempts_of, run_of
from tests.flows.stack import until_step as at_step
from tests.support.workers import until

from .collector import Span, roots, under
from .conftest import TracedShop

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
CALLS = {
    "authorize_payment": "payments",
    "reserve_stock": "warehouse",
    "book_shipment": "carrier",
    "capture_payment": "payments",
    "commit_stock": "warehouse",
    "dispatch_parcel": "carrier",
}
"""The steps that ask a company."""
GIVEN = "4bf92f3577b34da6a3ce929d0e0e4736"


def trace_of(shop: TracedShop, trace_id: str) -> list[Span]:
    """The trace once it is whole: a webhook and an event of the warehouse are the last to come."""

    def whole() -> bool:
        spans = shop.collector.trace(trace_id)
        services = {span.service for span in spans if span.kind in ("consumer", "server")}
        webhooks = [span for span in spans if span.kind == "server" and "webhooks" in span.name]
        return bool(webhooks) and "settle-consumer" in services and len(roots(spans)) == 1

    until(whole, 40, what="the trace is whole")
    return shop.collector.trace(trace_id)


def steps_in(spans: list[Span], name: str) -> list[Span]:
    return [span for span in spans if span.name == f"step checkout.{name}"]


def test_one_order_is_one_tree_from_the_request_to_the_webhook(shop: TracedShop) -> None:
    shop.start()
    order = shop.place()
    assert shop.stack.settled(order).status == "confirmed"
    spans = trace_of(shop, run_of(order).traceparent[3:35])
    (root,) = roots(spans)
    assert (root.kind, root.service, root.parent) == ("server", "settle-web", "")
    assert "POST" in root.name
    assert len([span for span in spans if span.name == "relay sagas.run_ready"]) == 1
    for step, company in CALLS.items():
        (taken,) = steps_in(spans, step)
        assert root.name in under(taken, spans)
        asked = [span for span in spans if span.parent == taken.id and span.kind == "client"]
        assert asked, f"{step} asks {company}"
        answered = [span for span in spans if span.parent in {one.id for one in asked}]
        assert {span.service for span in answered} == {"settle-stand-ins"}
    assert len(steps_in(spans, "send_confirmation")) == 1
    letters = [span for span in spans if span.kind == "consumer" and span.name.startswith("deliver orders.")]
    assert letters, "subscribers"
    told = [span for span in spans if span.service == "settle-consumer"]
    assert all("relay warehouse.stock_changed" in under(span, spans) for span in told if span.kind == "consumer")
    ours = {run_of(order).traceparent[3:35]}
    assert {span.trace_id for span in shop.collector.spans if span.facts.get("outbox.key") == order.saga_key} == ours


def test_a_lost_answer_and_its_retry_are_in_the_same_trace(shop: TracedShop) -> None:
    shop.start()
    shop.stack.standins.fault("warehouse", operation="reserve", kind="lose_answer", times=1)
    order = shop.place(traceparent=f"00-{GIVEN}-00f067aa0ba902b7-01")
    assert shop.stack.settled(order).status == "confirmed"
    spans = trace_of(shop, GIVEN)
    (root,) = roots(spans)
    assert (root.kind, root.parent) == ("server", "00f067aa0ba902b7"), "the caller's own trace goes on"
    tried = sorted(steps_in(spans, "reserve_stock"), key=lambda span: span.facts["saga.attempt"])
    assert [span.failed for span in tried] == [True, False]


def test_a_killed_worker_and_the_sweep_leave_the_order_in_its_trace(
    shop: TracedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.start()
    shop.stack.standins.fault("warehouse", operation="reserve", kind="slow", delay=4, times=1)
    order = shop.place()
    at_step(order, "reserve_stock")
    shop.stack.worker.kill()
    shop.stack.worker = shop.stack.start_worker()
    assert shop.stack.settled(order, 60).status == "confirmed"
    assert attempts_of(order, "reserve_stock") == 2
    trace_id = run_of(order).traceparent[3:35]
    until(lambda: steps_in(shop.collector.trace(trace_id), "send_confirmation"), 20)
    (again,) = steps_in(shop.collector.trace(trace_id), "reserve_stock")
    assert again.facts["saga.attempt"] == 2, "the first one's span died with its worker"
    steps = [span for span in shop.collector.spans if span.facts.get("saga.key") == order.saga_key]
    assert {span.trace_id for span in steps} == {trace_id}
    assert {one.traceparent[3:35] for one in Attempt.objects.filter(run=run_of(order))} == {trace_id}


def test_what_the_caller_does_not_record_is_not_recorded(shop: TracedShop) -> None:
    shop.start()
    order = shop.place(traceparent=f"00-{GIVEN}-00f067aa0ba902b7-00")
    assert shop.stack.settled(order).status == "confirmed"
    assert run_of(order).traceparent[3:35] == GIVEN
    assert run_of(order).traceparent.endswith("-00")
    shop.stop()
    assert shop.collector.trace(GIVEN) == []


@pytest.mark.parametrize("shop", ["choreography"], indirect=True)
def test_an_order_that_events_carry_is_one_tree_too(shop: TracedShop) -> None:
    shop.start()
    order = shop.place(traceparent=f"00-{GIVEN}-00f067aa0ba902b7-01")
    assert shop.stack.settled(order).status == "confirmed"
    spans = trace_of(shop, GIVEN)
    for step, company in CALLS.items():
        (taken,) = [span for span in spans if span.name == f"deliver {company}.{step}" and not span.failed][:1]
        assert [span for span in spans if span.parent == taken.id and span.kind == "client"]


@pytest.fixture
def with_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the processes that start from now on."""
    monkeypatch.setenv("TRACE_STATEMENTS", "1")


def test_statements_are_spans_of_the_steps_that_send_them(with_statements: None, shop: TracedShop) -> None:
    shop.start()
    order = shop.place()
    assert shop.stack.settled(order).status == "confirmed"
    spans = trace_of(shop, run_of(order).traceparent[3:35])
    sent = [span for span in spans if span.facts.get("db.system.name") == "postgresql"]
    by_steps = {span.name for span in sent if any(name.startswith("step checkout.") for name in under(span, spans))}
    assert "EXECUTE saga_record_and_claim" in by_steps
    assert any(span.name.startswith("INSERT orders_") for span in sent if span.service == "settle-web")
    assert not [span for span in sent if "ann@example.com" in str(span.facts)], "parameters are not in them"


def test_a_system_at_rest_makes_no_span(with_statements: None, shop: TracedShop) -> None:
    shop.start()

    def beats(duty: str) -> int:
        row = Heartbeat.objects.filter(name=duty).first()
        return 0 if row is None or row.ended_at is None else int(row.ended_at.timestamp())

    duties = ("sagas.sweep", "outbox.relay", "consume warehouse.events/shop", "orders.refresh_availability")
    until(lambda: all(beats(duty) for duty in duties), 60, what="every duty is done")
    first = {duty: beats(duty) for duty in duties}
    until(lambda: all(beats(duty) > first[duty] + 2 for duty in duties), 60, what="and done again")
    shop.stop()
    assert [(span.service, span.name) for span in shop.collector.spans] == []
