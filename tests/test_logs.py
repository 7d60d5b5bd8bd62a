"""Each log line says which request it belongs to."""

from __future__ import annotations

import io
import json
import logging
import logging.config

import pytest

from config.logs import logging_config
from outbox.messages import trace


@pytest.fixture
def lines(monkeypatch):
    """What a logger of the shop writes in production: JSON lines."""
    config = logging_config(as_json=True, level="INFO")
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    formatter = config["formatters"]["structured"]
    handler.setFormatter(formatter.pop("()")(**formatter))
    logger = logging.getLogger("test.lines")
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "propagate", False)
    logger.setLevel(logging.INFO)
    return logger, lambda: [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_carries_the_request_id_and_the_trace_context(lines):
    logger, written = lines
    with trace.use(trace.start("req-1")) as current:
        logger.info("saga.step_done", extra={"run": "r", "step": "checkout.capture_payment"})
    [line] = written()
    assert line["event"] == "saga.step_done"
    assert (line["request_id"], line["traceparent"]) == ("req-1", current.traceparent)
    assert (line["run"], line["step"], line["level"]) == ("r", "checkout.capture_payment", "info")


def test_a_line_outside_any_request_is_written_all_the_same(lines):
    logger, written = lines
    logger.info("tick")
    [line] = written()
    assert "request_id" not in line


def test_an_exception_is_written_with_its_traceback(lines):
    logger, written = lines
    try:
        raise ValueError("no")
    except ValueError:
        logger.exception("broken")
    [line] = written()
    assert "ValueError: no" in line["exception"]


@pytest.mark.django_db
def test_an_answer_names_the_request_and_keeps_the_callers_trace(client):
    parent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    answer = client.get("/api/products", headers={"X-Request-Id": "req-7", "traceparent": parent})
    assert answer["X-Request-Id"] == "req-7"


@pytest.mark.parametrize("bad", ["", "x" * 65, "two words", "a\nb"])
def test_a_malformed_request_id_from_outside_is_replaced(bad):
    assert trace.start(bad).request_id != bad


@pytest.mark.parametrize("bad", ["", "00-" + "0" * 32 + "-" + "b" * 16 + "-01", "01-zz", "00-" + "a" * 32])
def test_a_malformed_traceparent_from_outside_is_replaced(bad):
    assert trace.TRACEPARENT.fullmatch(trace.start(traceparent=bad).traceparent)


def test_a_hop_keeps_the_trace_and_takes_a_new_span():
    first = trace.start()
    second = trace.from_headers(first.headers())
    assert second.trace_id == first.trace_id
    assert second.traceparent != first.traceparent
    assert second.request_id == first.request_id
