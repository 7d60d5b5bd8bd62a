"""The outbox's metrics by destination and duty, and how a registry of prometheus_client gets them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest

from outbox import publish, sql
from outbox.models import DeadLetter, Heartbeat, OutboxMessage
from outbox.monitoring.exposition import Collector
from outbox.monitoring.metrics import metrics
from outbox.monitoring.samples import Histogram, Kind, Metric
from tests.support.hostapp.events import ItemCounted
from tests.support.workers import ROOT, process_env

pytestmark = pytest.mark.django_db(transaction=True)


def value(name: str, label: str) -> object:
    return next(one for one in metrics() if one.name == name).values[label,]


def exported(collector: Collector) -> str:
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry).decode()


def test_depth_and_lag_by_destination():
    assert (value("outbox_unpublished_messages", "tasks"), value("outbox_oldest_unpublished_seconds", "tasks")) == (
        0,
        0,
    )
    with transaction.atomic():
        publish(ItemCounted("mug"), key="mug")
    OutboxMessage.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    assert value("outbox_unpublished_messages", "tasks") == 1
    assert value("outbox_oldest_unpublished_seconds", "tasks") == pytest.approx(120, abs=30)


def test_dead_letters_those_of_another_service_too():
    assert value("outbox_dead_letters", "tasks") == 0
    for destination in ("tasks", ""):
        DeadLetter.objects.create(
            message_id="0190c8a8-0000-7000-8000-000000000000",
            type="a.b",
            version=1,
            payload="{}",
            headers="{}",
            destination=destination,
            attempts=1,
            error_class="ValueError",
            error="no",
        )
    assert (value("outbox_dead_letters", "tasks"), value("outbox_dead_letters", "")) == (1, 1)


def test_a_duty_that_is_late():
    sql.leave_heartbeat("outbox.prune", None, "")
    assert value("outbox_duty_late", "outbox.prune") == 0
    Heartbeat.objects.filter(pk="outbox.prune").update(ended_at=timezone.now() - timedelta(hours=3))
    assert value("outbox_duty_late", "outbox.prune") == 1
    assert value("outbox_duty_silent_seconds", "outbox.prune") == pytest.approx(3 * 3600, abs=60)


def test_a_source_that_is_away_says_so_and_the_others_are_read(caplog):
    def away() -> Iterator[Metric]:
        yield Metric("half_read", Kind.GAUGE, "Never exported.", (), {(): 1})
        raise OperationalError("connection refused")

    text = exported(Collector({"gone": away, "outbox": metrics}))
    assert 'collector_up{collector="gone"} 0.0' in text
    assert 'collector_up{collector="outbox"} 1.0' in text
    assert "half_read" not in text
    assert 'outbox_relays{destination="tasks"} 0.0' in text
    assert [record.getMessage() for record in caplog.records] == ["metrics.away"]


def test_a_bug_of_a_source_is_no_absence():
    def broken() -> list[Metric]:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        exported(Collector({"broken": broken}))


def test_kinds_are_exported_as_they_are():
    took = Histogram((0.5, 2.0), (3, 0, 1), 9.5)

    def source() -> Iterator[Metric]:
        yield Metric("seen_total", Kind.COUNTER, "Seen.", ("who",), {("a",): 4})
        yield Metric("took_seconds", Kind.HISTOGRAM, "Took.", (), {(): took})

    lines = exported(Collector({"one": source})).splitlines()
    assert 'seen_total{who="a"} 4.0' in lines
    assert [line for line in lines if line.startswith("took_seconds")] == [
        'took_seconds_bucket{le="0.5"} 3.0',
        'took_seconds_bucket{le="2"} 3.0',
        'took_seconds_bucket{le="+Inf"} 4.0',
        "took_seconds_count 4.0",
        "took_seconds_sum 9.5",
    ]


def test_a_project_without_prometheus_client_has_the_plain_values():
    code = (
        "import sys; sys.modules['prometheus_client'] = None; import django; django.setup(); "
        "import outbox.monitoring.metrics, sagas.monitoring.metrics"
    )
    settings = {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=process_env(settings), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
