"""What a person reads of an order in the log: a line for each event and for each failed attempt, and a traceback only
under what nobody expected."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config.logs import ToldOnce, logging_config
from orders import story
from orders.models import Order, Product
from orders.participants import warehouse
from orders.placing.place import place_order
from orders.placing.validation import OrderedLine, PlaceOrder
from outbox.messages import trace
from sagas.models import Run
from tests.orders.choreography.driver import carry as carry_events
from tests.support.sagas.driver import carry as carry_run
from tests.support.standins import Standins

pytestmark = pytest.mark.django_db(transaction=True)
SKU = "mug-slate"
WAYS = ("saga", "choreography")


@pytest.fixture
def shown() -> Iterator[Callable[[], str]]:
    """What `make up` shows of this process."""
    config: Any = logging_config(as_json=False, level="INFO")
    build = config["formatters"]["structured"]
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(build.pop("()")(**build))
    handler.addFilter(ToldOnce())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield out.getvalue
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(params=WAYS)
def order(request: pytest.FixtureRequest, standins: Standins, shown: Callable[[], str]) -> Order:
    standins.set_stock(SKU, 1000)
    Product.objects.create(sku=SKU, name="Mug", price="18.50", available=1000)
    wish = PlaceOrder("ann@example.com", "pm_card_visa", (OrderedLine(SKU, 1),), coordination=request.param)
    with trace.use(trace.start("req-1")):
        return place_order(wish, idempotency_key="k1").order


def carried(order: Order) -> str:
    """Carry the order to its end; returns its status."""
    if order.coordination == "saga":
        run = Run.objects.get(key=order.saga_key)
        with trace.use(trace.start(run.request_id, run.traceparent)):  # as the task's headers say
            carry_run(run.pk)
    else:
        carry_events(order.pk)
    order.refresh_from_db()
    return order.status


def events_in(text: str) -> list[str]:
    """The first words of each line: what happened."""
    return [line.partition("] ")[2].partition("  ")[0].partition(" [")[0].strip() for line in text.splitlines()]


def test_an_order_that_goes_well_is_two_lines(order: Order, shown: Callable[[], str]) -> None:
    assert carried(order) == "confirmed"
    placed, confirmed = shown().splitlines()
    assert "order.placed" in placed
    assert "order.confirmed" in confirmed
    for line in (placed, confirmed):
        assert f"order={order.number}" in line


def test_an_answer_that_is_lost_three_times_is_three_lines_more_and_no_traceback(
    order: Order, standins: Standins, shown: Callable[[], str]
) -> None:
    standins.fault("warehouse", operation="reserve", kind="lose_answer", times=2)
    standins.fault("carrier", operation="book", kind="fail", times=1)
    assert carried(order) == "confirmed"
    lines = shown().splitlines()
    assert len(lines) == 5, shown()
    assert sum("attempt_failed" in line or "A subscriber failed" in line for line in lines) == 3
    assert "Traceback" not in shown()


def test_a_step_that_is_refused_says_why(order: Order, standins: Standins, shown: Callable[[], str]) -> None:
    standins.fault("warehouse", operation="reserve", kind="refuse", code="out_of_stock")
    assert carried(order) == "cancelled"
    _placed, turned, cancelled = shown().splitlines()
    assert "code=out_of_stock" in turned
    assert "order.cancelled" in cancelled


def test_a_mistake_of_ours_shows_its_traceback(
    order: Order, shown: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    right, calls = warehouse.reserve, []

    def wrong_at_first(*arguments: Any, **named: Any) -> Any:
        calls.append(named)
        if len(calls) == 1:
            raise KeyError("a mistake of ours")
        return right(*arguments, **named)

    monkeypatch.setattr(warehouse, "reserve", wrong_at_first)
    assert carried(order) == "confirmed"
    assert shown().count("Traceback (most recent call last)") == 1
    assert "KeyError: 'a mistake of ours'" in shown()


def test_every_line_of_an_order_names_its_trace(order: Order, standins: Standins, shown: Callable[[], str]) -> None:
    standins.fault("warehouse", operation="reserve", kind="fail", times=1)
    assert carried(order) == "confirmed"
    headers = Run.objects.filter(key=order.saga_key).values_list("traceparent", flat=True).first()
    ids = {word.partition("=")[2] for line in shown().splitlines() for word in line.split() if "trace_id=" in word}
    assert len(ids) == 1
    assert sum("trace_id=" in line for line in shown().splitlines()) == len(shown().splitlines()) == 3
    assert headers is None or headers[3:35] in ids


def test_what_is_rolled_back_is_not_told(shown: Callable[[], str]) -> None:
    from django.db import transaction

    with transaction.atomic():
        story.tell("order.placed", order="1")
        transaction.set_rollback(True)
    assert shown() == ""
