"""A span for each statement to PostgreSQL within a recorded trace, by Django's own hook; for whoever asks for them.

Its name is what is done and to what, such as `EXECUTE saga_take` or `SELECT orders_order`. Parameters are not in it,
nor what PostgreSQL says of a failure: both quote what customers typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.db.backends.signals import connection_created
from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

from outbox.masking import masked

LONGEST = 2000
"""Characters of a statement."""
VERB = re.compile(r"\s*(\w+)")
TARGETS = {
    "EXECUTE": re.compile(r"\s*EXECUTE\s+(\w+)"),
    "PREPARE": re.compile(r"\s*PREPARE\s+(\w+)"),
    "INSERT": re.compile(r'INTO\s+"?(\w+)', re.IGNORECASE),
    "UPDATE": re.compile(r'UPDATE\s+"?(\w+)', re.IGNORECASE),
    "SELECT": re.compile(r'FROM\s+"?(\w+)', re.IGNORECASE),
    "DELETE": re.compile(r'FROM\s+"?(\w+)', re.IGNORECASE),
}
_tracer = trace.get_tracer("settle.statements")


def start() -> None:
    """Have the statements of each connection that is opened from now on be spans."""
    connection_created.connect(_watch, dispatch_uid="config.telemetry.statements")


def stop() -> None:
    """Leave alone those that are opened from now on."""
    connection_created.disconnect(dispatch_uid="config.telemetry.statements")


def summary(statement: str) -> str:
    """What is done, and to what where that is plain."""
    found = VERB.match(statement)
    verb = found[1].upper() if found else "statement"
    target = TARGETS[verb].search(statement) if verb in TARGETS else None
    return f"{verb} {target[1]}" if target else verb


def traced(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Carry the statement out within a span, where the current trace is recorded. For Django's `execute_wrapper`."""
    if not trace.get_current_span().get_span_context().trace_flags.sampled:
        return execute(sql, params, many, context)
    text = sql if isinstance(sql, str) else type(sql).__name__
    facts = {
        "db.system.name": "postgresql",
        "db.namespace": str(context["connection"].settings_dict["NAME"]),
        "db.query.summary": summary(text),
        "db.query.text": masked(text, LONGEST),
    }
    with _tracer.start_as_current_span(
        facts["db.query.summary"],
        kind=trace.SpanKind.CLIENT,
        attributes=facts,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            return execute(sql, params, many, context)
        except Exception as error:
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(Status(StatusCode.ERROR))
            raise


def _watch(connection: Any, **_: object) -> None:
    if traced not in connection.execute_wrappers:
        connection.execute_wrappers.append(traced)
