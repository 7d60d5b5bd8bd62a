"""The provider of this process's spans, and the instrumentations of Django and requests. Imported where spans are made.

There is none of Celery and Redis: they put tasks into traces of their own (docs/decisions/0057-one-trace.md).
"""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from typing import Any

from celery.signals import worker_process_shutdown, worker_shutdown
from opentelemetry import trace
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from outbox import telemetry

from .. import env
from .sampler import Requests, configured

FLUSH = 5_000  # milliseconds that a collector which does not answer may keep a process from ending
EXPORTERS = {"otlp": "otlp_proto_http"}
"""Names of OTEL_TRACES_EXPORTER that are not those of their entry points."""

_sampler = Requests(configured())


def start() -> None:
    """Set the provider. Its thread starts anew in a process that is forked."""
    made = TracerProvider(resource=resource(), sampler=_sampler.with_parents())
    for name in os.environ.get("OTEL_TRACES_EXPORTER", "").split(",") or ["otlp"]:
        made.add_span_processor(BatchSpanProcessor(exporter(name.strip() or "otlp")))
    trace.set_tracer_provider(made)
    RequestsInstrumentor().instrument()
    worker_shutdown.connect(_last, weak=False)
    worker_process_shutdown.connect(_last, weak=False)
    telemetry.follow()
    if env.flag("TRACE_STATEMENTS"):
        from . import statements

        statements.start()


def start_web(probes: int, *, begins: bool) -> None:
    """Instrument Django."""
    from opentelemetry.instrumentation.django import DjangoInstrumentor

    _sampler.begins = begins
    DjangoInstrumentor().instrument(middleware_position=probes)


def flush() -> None:
    """Send what there is."""
    provider: Any = trace.get_tracer_provider()
    provider.force_flush(FLUSH)


def resource() -> Resource:
    """What the spans say of this process: OTEL_SERVICE_NAME, or `settle-` and the name that `make up` gives it."""
    attributes = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in attributes
    name = {} if named else {"service.name": f"settle-{os.environ.get('SETTLE_PROCESS') or 'process'}"}
    return Resource.create(name)


def exporter(name: str) -> SpanExporter:
    """The exporter of that name in OTEL_TRACES_EXPORTER. Raises ValueError for one that is not installed."""
    entry = EXPORTERS.get(name, name)
    found = list(entry_points(group="opentelemetry_traces_exporter", name=entry))
    if not found:
        known = sorted({one.name for one in entry_points(group="opentelemetry_traces_exporter")} | {"otlp", "none"})
        raise ValueError(f"OTEL_TRACES_EXPORTER={name}: no such exporter is installed. There are {', '.join(known)}.")
    made: SpanExporter = found[0].load()()
    return made


def _last(**_: object) -> None:
    flush()
