"""Delivers several messages in one transaction, for subscribers with `at_once`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from enum import Enum
from typing import Any

from django.db import transaction

from .. import sql
from ..declare.events import Message, Subscriber
from ..messages import spans, trace
from ..sql import OpenDelivery
from . import transaction_guard
from .inbox import facts_of, read

logger = logging.getLogger(__name__)


class BatchOutcome(Enum):
    """What the caller does after a batch."""

    AGAIN = "there may be more messages"
    DONE = "no message is left that another worker does not have"
    ONE_BY_ONE = "try each message by itself"


def handle_batch(declared: Subscriber, keys: Sequence[str], ids: Sequence[str]) -> BatchOutcome:
    """Handle up to `at_once` messages in one transaction. When that fails, nothing is done and nothing recorded."""
    try:
        with transaction.atomic(durable=True):
            return _handle(declared, keys, ids)
    except transaction_guard.TransactionEnded:
        raise
    except Exception as error:  # trying each by itself shows which message failed
        logger.warning(
            "A batch of messages failed; each is tried by itself",
            extra={"subscriber": declared.name, "error": f"{type(error).__qualname__}: {error}"},
        )
        return BatchOutcome.ONE_BY_ONE


def _handle(declared: Subscriber, keys: Sequence[str], ids: Sequence[str]) -> BatchOutcome:
    locked = sql.lock_untried(declared.name, keys, ids, declared.at_once)
    mine = _in_order(declared, locked)
    if not mine:
        # Locked messages whose turn has not come may hide others whose turn has.
        return BatchOutcome.ONE_BY_ONE if locked else BatchOutcome.DONE
    wanted = sql.claim_batch(declared.name, [one.row for one in mine])
    messages = [_read(declared, one) for one in mine if one.envelope.id in wanted]
    if messages:
        with _spans(declared, [one for one in mine if one.envelope.id in wanted]):
            declared.handler(messages)
            transaction_guard.check_transaction(declared.name)
    return BatchOutcome.AGAIN


def _in_order(declared: Subscriber, locked: list[OpenDelivery]) -> list[OpenDelivery]:
    """The messages without those whose key has an earlier open message that another worker has, or that is held."""
    keys = sorted({one.envelope.key for one in locked if declared.is_ordered(one.envelope.key)})
    if not keys:
        return locked
    others = sql.first_positions_of_others(
        declared.name, keys, [one.row for one in locked], strict=declared.order == "strict"
    )
    return [one for one in locked if one.envelope.position < others.get(one.envelope.key, one.envelope.position + 1)]


def _read(declared: Subscriber, one: OpenDelivery) -> Message[Any]:
    """A batch is in as many traces as it has messages: each is read in its own, and the handler runs in none."""
    with trace.use(trace.from_headers(one.envelope.trace_headers)):
        return read(declared, one.envelope, attempt=1)


def _spans(declared: Subscriber, batch: Sequence[OpenDelivery]) -> AbstractContextManager[object]:
    """A span for each message in its trace, and one for the handler, linked with them."""
    if spans.library is None:
        return spans.NOTHING()
    name = f"deliver {declared.name}"
    parts = [spans.Part(name, facts_of(one.envelope), trace.from_headers(one.envelope.trace_headers)) for one in batch]
    return spans.library.together(f"{name} at once", "consumer", parts)
