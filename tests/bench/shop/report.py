"""The shop bench's figures, goals and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.bench.report import Goal, Report, Summary

FIGURES = (
    "orders_per_s",
    "cpu_ms_per_order",
    "cpu_ms_own",
    "placed_p50_ms",
    "placed_p95_ms",
    "pages_cpu_ms_per_s",
    "cpu_ms_per_ask",
    "asks_per_s",
    "still",
)
"""CPU is that of the whole stack; all but `cpu_ms_per_order` without what it takes when idle."""
SHOP, BEFORE = "shop", "shop_before"
EMPTY, MILLION = "growth.empty", "growth.million"
GOALS = (
    Goal(
        "orders/s through checkout (stand-ins at no latency) to the build before",
        f"{SHOP}.orders_per_s",
        f"{BEFORE}.orders_per_s",
        2.0,
    ),
    Goal(
        "CPU of 500 open order pages to the build before",
        f"{SHOP}.pages_cpu_ms_per_s",
        f"{BEFORE}.pages_cpu_ms_per_s",
        0.25,
        at_least=False,
    ),
    Goal(
        "a million finished orders to none, orders/s through checkout",
        f"{MILLION}.orders_per_s",
        f"{EMPTY}.orders_per_s",
        0.9,
    ),
    Goal(
        "none to a million finished orders, CPU of 500 open order pages",
        f"{EMPTY}.pages_cpu_ms_per_s",
        f"{MILLION}.pages_cpu_ms_per_s",
        0.9,
    ),
)
REPORT = Report(FIGURES, GOALS)


def document(
    summaries: Mapping[str, Summary], failures: Mapping[str, str], machine: Mapping[str, Any], plan: Mapping[str, Any]
) -> dict[str, Any]:
    """What is written as JSON."""
    judged = {"ratios": REPORT.ratios(summaries), "failures": dict(failures)}
    return {**summaries, **judged, "machine": dict(machine), "plan": dict(plan)}
