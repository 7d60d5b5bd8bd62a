"""Spans are made where the environment asks for them; else nothing of OpenTelemetry is even imported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import pytest

from config.telemetry import switch
from outbox.messages import spans, trace
from tests.support.workers import process_env

IMPORTED = (
    "import config, sys; print(sorted(name for name in sys.modules if name.partition('.')[0] == 'opentelemetry')[:1])"
)
HIDDEN = "import sys; sys.modules['opentelemetry'] = None; import config"


def run(code: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in process_env().items() if not name.startswith("OTEL_")}
    return subprocess.run(
        [sys.executable, "-c", code], env={**known, **env}, capture_output=True, text=True, check=True, timeout=60
    )


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_the_standard_variables_say_whether_spans_are_made(monkeypatch, environment, wanted):
    for name in (*switch.NAMES, "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert switch.is_wanted() is wanted


@pytest.mark.django_db
def test_off_nothing_of_opentelemetry_is_imported():
    assert run(IMPORTED, {}).stdout.strip() == "[]"


@pytest.mark.django_db
def test_wanted_without_the_packages_is_said_and_stops_nobody():
    said = run(HIDDEN, {"OTEL_TRACES_EXPORTER": "console"}).stderr
    assert switch.LOCK in said
    assert "Traceback" not in said


def test_off_a_span_is_nothing_and_ids_are_passed_on_as_ever():
    assert spans.library is None
    with trace.use(trace.start()) as current, spans.span("a step", "internal", {}):
        assert trace.current() is current
        assert trace.current().child().traceparent != current.traceparent


def test_a_request_is_a_span_from_behind_what_answers_the_metrics_and_the_probes(settings):
    first = [name.rpartition(".")[2] for name in settings.MIDDLEWARE[: switch.PROBES]]
    assert first == ["MetricsMiddleware", "ProbesMiddleware"]
