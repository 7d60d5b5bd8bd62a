"""Log lines: one for each event of an order, one for each failed attempt, with the request and the trace it belongs to.

A traceback stands only under what nobody expected. Whoever waits for a company, the database or the broker to come back
reads one line for each attempt; all that goes as it should is at DEBUG.
"""

from __future__ import annotations

import logging
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

OURS = ("config.", "orders.", "sagas.", "outbox.")
UNSHOWN = ("request_id", "traceparent")
"""What a person at a terminal does without; programs get it."""


def logging_config(*, as_json: bool, level: str) -> dict[str, Any]:
    """A `dictConfig` that renders standard-library records through structlog, as JSON or for a terminal."""
    shared = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso" if as_json else "%H:%M:%S", utc=as_json),
        add_trace,
        shorten_expected,
    ]
    for_people = [drop_unshown, console(), hide_secrets]
    for_programs = [structlog.processors.format_exc_info, hide_secrets, structlog.processors.JSONRenderer()]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"told_once": {"()": ToldOnce}, "unmeant": {"()": Unmeant}},
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *(for_programs if as_json else for_people),
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured", "filters": ["told_once"]}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.request": {"level": "ERROR"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            "flower.command": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "stripe": {"level": "WARNING"},  # at lower levels it logs what we sent: payment methods and addresses
            **{name: {"level": "INFO"} for name in ("amqp", "asyncio", "celery", "kombu")},
        },
    }


def console() -> structlog.dev.ConsoleRenderer:
    """For a terminal: the facts in the order in which they are given."""
    plain = structlog.dev.plain_traceback  # the default renders locals, a second of CPU for each failed attempt
    return structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, exception_formatter=plain, sort_keys=False)


class ToldOnce(logging.Filter):
    """Drops what Celery says of a failed task when whoever met the error has said more: one line for each attempt."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Called for each record; False drops it."""
        if not record.exc_info:
            return True
        from outbox.consuming import failures

        return not failures.is_told(record.exc_info[1])


class Unmeant(logging.Filter):
    """Drops what Django says of an answer that a view gave on purpose, such as a stand-in's 500 for a fault."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Called for each record; False drops it."""
        return bool(record.exc_info)


def add_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put the current request id and trace context on a record, when there is a current trace."""
    from outbox.messages import trace  # settings import this module before the apps may be imported

    current = trace.current_or_none()
    if current is not None:
        event["trace_id"] = current.trace_id
        event["request_id"] = current.request_id
        event["traceparent"] = current.traceparent
    return event


def shorten_expected(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Leave out the traceback of an error that somebody expects, whichever library logs it: `failures.is_expected`."""
    from outbox.consuming import failures

    event.pop("data", None)  # Celery's, which holds the traceback once more
    given = event.get("exc_info")
    error = given[1] if isinstance(given, tuple) else None
    if error is not None and failures.is_expected(error):
        del event["exc_info"]
        event.setdefault("error", f"{type(error).__qualname__}: {str(error).strip()}")
    return event


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict | str) -> EventDict | str:
    """Mask our keys and passwords in a record's texts, or in the line that it has become: an error may quote them."""
    from outbox.masking import masked

    if isinstance(event, str):
        return masked(event)
    return {name: masked(value) if isinstance(value, str) else value for name, value in event.items()}


def drop_unshown(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Leave out what a person does without: an event of ours says by its name where it comes from."""
    for name in UNSHOWN:
        event.pop(name, None)
    if str(event.get("logger", "")).startswith(OURS):
        del event["logger"]
    return event
