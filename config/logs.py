"""Structured log lines: every record of every library, with the request id and the trace it belongs to."""

from __future__ import annotations

from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger


def logging_config(*, as_json: bool, level: str) -> dict[str, Any]:
    """A `dictConfig` that renders standard-library records through structlog, as JSON or for a terminal."""
    plain = structlog.dev.plain_traceback  # the default renders locals, a second of CPU for each failed attempt
    console = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, exception_formatter=plain)
    renderer: Any = structlog.processors.JSONRenderer() if as_json else console
    shared = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_trace,
    ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *([structlog.processors.format_exc_info] if as_json else []),
                    renderer,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.request": {"level": "ERROR"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            "flower.command": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "stripe": {"level": "WARNING"},  # at lower levels it logs what we sent: payment methods and addresses
        },
    }


def add_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put the current request id and trace context on a record, when there is a current trace."""
    from outbox.messages import trace  # settings import this module before the apps may be imported

    current = trace.current_or_none()
    if current is not None:
        event["request_id"] = current.request_id
        event["traceparent"] = current.traceparent
    return event
