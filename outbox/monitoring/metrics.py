"""The outbox's metrics, read from PostgreSQL when they are asked for. Counts end at 1000, as `outbox status` counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .. import sql
from ..declare.events import registry
from . import destination_status, duty_status
from .destination_status import COUNTED, DestinationStatus
from .duty_status import DutyReport
from .samples import Kind, Metric, Values

BY_DESTINATION: dict[str, tuple[str, Callable[[DestinationStatus], float]]] = {
    "outbox_oldest_unpublished_seconds": (
        "How long the oldest unpublished message has waited; 0 when none waits.",
        lambda one: one.oldest.total_seconds() if one.oldest else 0.0,
    ),
    "outbox_unpublished_messages": ("Messages that wait to be published, up to 1000.", lambda one: one.depth),
    "outbox_held_keys": ("Keys that wait because their first message failed, up to 1000.", lambda one: one.held),
    "outbox_keys_for_a_person": ("Held keys that wait until a person acts, up to 1000.", lambda one: one.stopped),
    "outbox_overdue_deliveries": ("Open deliveries that are overdue, up to 1000.", lambda one: one.overdue),
    "outbox_relays": ("Relays that live.", lambda one: len(one.relays)),
    "outbox_paused_shards": ("Shards that a person has paused.", lambda one: len(one.paused)),
    "outbox_outage_seconds": (
        "How long a relay has not reached its broker; 0 when all do.",
        lambda one: one.outage.outage_for.total_seconds() if one.outage and one.outage.outage_for else 0.0,
    ),
}


def metrics() -> Iterator[Metric]:
    """All of them. Raises the database's errors."""
    statuses, report = destination_status.read_statuses(), duty_status.read_report()
    for name, (says, value) in BY_DESTINATION.items():
        yield Metric(name, Kind.GAUGE, says, ("destination",), {(one.name,): value(one) for one in statuses})
    dead = dict.fromkeys((one.name for one in statuses), 0) | sql.count_dead_letters(COUNTED)
    yield Metric(
        "outbox_dead_letters",
        Kind.GAUGE,
        "Messages that were given up, up to 1000; without a destination those of another service.",
        ("destination",),
        {(name,): number for name, number in dead.items()},
    )
    yield from _duties(report)


def subscriber_queues() -> set[str]:
    """The queues of the broker that subscribers name as their own; other messages go where the tasks are routed."""
    return {one.queue for one in registry.subscribers.values() if one.queue}


def _duties(report: DutyReport) -> Iterator[Metric]:
    silent: Values = {(one.duty.name,): one.heartbeat.silent_for.total_seconds() for one in report.duties}
    late: Values = {(one.duty.name,): float(one.is_late) for one in report.duties}
    ages: Values = {(one.wait.name,): one.age.total_seconds() if one.age else 0.0 for one in report.waits}
    waited: Values = {(one.wait.name,): float(one.is_late) for one in report.waits}
    duty, wait = ("duty",), ("wait",)
    yield Metric("outbox_duty_silent_seconds", Kind.GAUGE, "Since a duty last finished.", duty, silent)
    yield Metric("outbox_duty_late", Kind.GAUGE, "1: a duty has been silent for longer than is healthy.", duty, late)
    yield Metric("outbox_wait_seconds", Kind.GAUGE, "How long the oldest has waited for a duty.", wait, ages)
    yield Metric("outbox_wait_late", Kind.GAUGE, "1: it has waited for longer than is healthy.", wait, waited)
