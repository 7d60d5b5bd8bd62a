"""Delivers pending messages to subscribers that need ordering or batches.

Such a subscriber is only woken. It takes the first open delivery of a key, handles it in one transaction, commits, and
looks again. When it stops, somebody else continues with the key:
- nothing is open: whoever opens the next delivery wakes the subscriber after its commit;
- another worker has the first delivery: it looks again after its commit, which comes after this look;
- the first delivery is held because it failed: the relay wakes the subscriber when the hold ends;
- the first delivery is held by a worker that died: the same;
- an earlier message is a dead letter, for `strict`: whoever requeues or drops it wakes the subscriber.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from .. import settings, sql
from ..declare.events import registry
from ..errors import RetryAfter
from ..sql import OpenDelivery
from . import in_batches, restart, transaction_guard
from .in_batches import BatchOutcome
from .inbox import Delivery, delivered_in

LONGEST = 5.0  # seconds for which a worker stays with a busy key, so that other keys get their turn


@dataclass(slots=True)
class _Once:
    """Calls `go_on` at most once: the task that continues has all keys."""

    go_on: Callable[[], object]
    done: bool = False

    def __call__(self) -> None:
        if not self.done:
            self.go_on()
            self.done = True


@dataclass(slots=True)
class OrderedDelivery(Delivery):
    """One try at the first message of a key. No other worker can have it at the same time."""

    row: int = 0

    def begin(self) -> bool:
        """Count the try and hold the delivery, unless the transaction alone does that.

        False when another worker has it.
        """
        return not self.counted or sql.begin(
            self.row, self.envelope.attempts, settings.redeliver_after(), restart.this_worker()
        )

    def _claim(self) -> bool | None:
        return sql.claim_ordered(self.row, self.envelope.attempts + self.counted, self.subscriber)

    def _confirm(self) -> bool:
        """True: `_claim` has closed the delivery."""
        return True


def deliver_open(
    subscriber: str,
    keys: Sequence[str],
    ids: Sequence[str] = (),
    *,
    again: bool = False,
    go_on: Callable[[], object],
) -> None:
    """Handle what is open of these keys, and the messages with these ids.

    `again`: the subscriber was woken for them before and may have crashed, so the next try is counted before it begins.
    `go_on` is called when there may be more to do. The first error of a handler is raised, as by `inbox.deliver`, after
    everything else was done.
    """
    transaction_guard.refuse_transactions()
    until = time.monotonic() + LONGEST
    declared = registry.subscribers.get(subscriber)
    if declared is not None and declared.at_once > 1 and not again:
        while (outcome := in_batches.handle_batch(declared, keys, ids)) is BatchOutcome.AGAIN:
            if time.monotonic() > until:
                go_on()
                return
        if outcome is BatchOutcome.DONE:
            return
    once = _Once(go_on)
    firsts = [partial(first_of, subscriber, key) for key in keys]
    firsts += [partial(sql.open_one, subscriber, one) for one in ids]
    errors = [error for first in firsts if (error := _deliver_in_order(subscriber, first, again, until, once))]
    if errors:
        raise errors[0]


def first_of(subscriber: str, key: str) -> OpenDelivery | None:
    """The next delivery of the key; None when none is open."""
    declared = registry.subscribers.get(subscriber)
    return sql.first_open(subscriber, key, strict=declared is not None and declared.order == "strict")


def _deliver_in_order(
    subscriber: str, first: Callable[[], OpenDelivery | None], again: bool, until: float, go_on: Callable[[], object]
) -> Exception | None:
    """Deliver one message after the other. Returns the error that ended it, if there was one."""
    while (one := first()) is not None and not one.held:
        if time.monotonic() > until:
            go_on()
            return None
        try:
            if not _deliver_first(subscriber, one, again, go_on):
                return None
        except Exception as error:  # it is recorded; the other keys continue
            return error
        again = False
    return None


def _deliver_first(subscriber: str, one: OpenDelivery, again: bool, go_on: Callable[[], object]) -> bool:
    """Handle this delivery. Returns whether to look for the next one."""
    declared, envelope = registry.subscribers.get(subscriber), one.envelope
    counted = again or envelope.attempts > 0 or (declared is not None and declared.call is not None)
    delivery = OrderedDelivery(subscriber, declared, envelope, counted, one.row)
    with delivered_in(envelope, subscriber):
        if not delivery.begin():
            return False
        try:
            return delivery.run()
        except RetryAfter as pause:
            delivery.postpone(pause)
            return False
        except Exception as error:
            if delivery.failed(error):
                go_on()
            raise
