"""The outbox bench's figures, goals and JSON.

CPU is in milliseconds for each 1,000 rows, as statements are; `cpu_us_own` is in microseconds a row: of all processes,
without what they take when idle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.bench.report import Goal, Report, Summary, median_of

FIGURES = (
    "rows_per_s",
    "cpu_us_own",
    "copies",
    "statements",
    "relay_cpu_ms",
    "postgresql_cpu_ms",
    "redis_cpu_ms",
    "idle_p50_ms",
    "idle_p99_ms",
    "busy_p50_ms",
    "busy_p99_ms",
    "busy_events_per_s",
)
PEERS = ("django_reliable_outbox", "django_celery_outbox", "faststream_outbox")
OURS = "relay_streams"
CELERY, BEFORE = "relay_celery", "relay_celery_before"
COMPARED = (OURS, CELERY, BEFORE, "bare_loop", *PEERS)
EMPTY, GROWN = "growth.empty.", "growth.million."
PLAIN = "relays_1.keys_0"
GOALS = (
    Goal(
        "relay to the best Python peer, rows a second",
        f"{OURS}.rows_per_s",
        tuple(f"{peer}.rows_per_s" for peer in PEERS),
        5.0,
    ),
    Goal("relay to Streams, to the bare loop", f"{OURS}.rows_per_s", "bare_loop.rows_per_s", 0.65),
    Goal("relay to Celery, rows/s to the build before", f"{CELERY}.rows_per_s", f"{BEFORE}.rows_per_s", 3.0),
    Goal("commit to arrival at 100 events a second, p50 in ms", f"{OURS}.idle_p50_ms", "", 10.0, at_least=False),
    Goal("commit to arrival at 100 events a second, p99 in ms", f"{OURS}.idle_p99_ms", "", 50.0, at_least=False),
    *(
        Goal(
            f"a million published rows to none, {words}", f"{GROWN}{name}.rows_per_s", f"{EMPTY}{name}.rows_per_s", 0.9
        )
        for name, words in ((PLAIN, "relay to Streams"), ("celery", "relay to Celery"))
    ),
    Goal(
        "none to a million published rows, commit to arrival at 100 events a second",
        f"{EMPTY}{PLAIN}.idle_p50_ms",
        f"{GROWN}{PLAIN}.idle_p50_ms",
        0.9,
    ),
)
NOTE = """
This relay keeps order by key, leases, a history and failures one by one; the bare loop keeps none of them. The relay's
mark commits with synchronous_commit off: a mark that is lost is made again, after a second copy.
""".strip()
REPORT = Report(FIGURES, GOALS)


def document(
    summaries: Mapping[str, Summary], failures: Mapping[str, str], machine: Mapping[str, Any], plan: Mapping[str, Any]
) -> dict[str, Any]:
    """What is written as JSON.

    The compared contenders stand under their names. `variants` holds this relay with several processes and keys,
    `growth` the same on an empty and on a full history, and their ratio. The relay's idle figures stand on top, too.
    """
    compared = {name: summaries[name] for name in COMPARED if name in summaries}
    grown = {name.removeprefix("growth."): one for name, one in summaries.items() if name.startswith("growth.")}
    known = {*compared, *(f"growth.{name}" for name in grown)}
    variants = {name: one for name, one in summaries.items() if name not in known}
    idle = {name: compared.get(OURS, {}).get(name) for name in ("idle_p50_ms", "idle_p99_ms")}
    shown = {"growth": {**grown, "ratio": growth_ratios(summaries)}} if grown else {}
    judged = {"ratios": REPORT.ratios(summaries), "failures": dict(failures)}
    rest = {"machine": dict(machine), "plan": dict(plan), "note": NOTE}
    return {**compared, **idle, "variants": variants, **shown, **judged, **rest}


def growth_ratios(summaries: Mapping[str, Summary]) -> dict[str, dict[str, float]]:
    """For each variant measured on both: the full one's figure to the empty one's."""
    found: dict[str, dict[str, float]] = {}
    for name in (one.removeprefix(GROWN) for one in summaries if one.startswith(GROWN)):
        pairs = {
            figure: (median_of(summaries, f"{GROWN}{name}.{figure}"), median_of(summaries, f"{EMPTY}{name}.{figure}"))
            for figure in FIGURES
        }
        found[name] = {figure: round(full / empty, 3) for figure, (full, empty) in pairs.items() if full and empty}
    return found
