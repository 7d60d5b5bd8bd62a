"""Delivers what waits in the books for a subscriber that takes its messages in order, or several at once.

Such a subscriber is only told to look. It takes the first open delivery of a key, handles it in one transaction, and
after the commit looks again. Whoever ends leaves the key to somebody who looks later, or to a time in the books:
- nothing is open: whoever opens the next delivery says so after the commit that opened it;
- another worker has the first one: it looks again after its commit, which comes after this look;
- the first one is held, having failed: the relay says so when its time has come;
- the first one is held by a worker that died: the same;
- an earlier one is a dead letter, for `strict`: whoever requeues or drops it says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from .. import settings, sql
from ..declare.events import registry
from ..errors import RetryAfter
from ..messages import causation, trace
from ..sql import OpenDelivery
from . import in_batches, restart, transaction_guard
from .in_batches import BatchOutcome
from .inbox import Delivery

LONGEST = 5.0  # seconds for which a worker stays with a key that has more, before others get their turn


@dataclass(slots=True)
class _Once:
    """The task that goes on has all keys: one is enough, however many of them have more."""

    go_on: Callable[[], object]
    done: bool = False

    def __call__(self) -> None:
        if not self.done:
            self.go_on()
            self.done = True


@dataclass(slots=True)
class OrderedDelivery(Delivery):
    """One try at the first message of a key, which no other worker can have at the same time."""

    row: int = 0

    def begin(self) -> bool:
        """Count the try and keep others away, where the transaction alone does not; False when another has it."""
        return not self.counted or sql.begin(
            self.row, self.envelope.attempts, settings.redeliver_after(), restart.this_worker()
        )

    def _claim(self) -> bool | None:
        return sql.claim_ordered(self.row, self.envelope.attempts + self.counted, self.subscriber)

    def _confirm(self) -> bool:
        """The claim has done it."""
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

    `again`: somebody was told before, and may have died of it: the next try is counted before it begins. `go_on` is
    called to have this done again when there may be more. The first error of a handler is raised, as by
    `inbox.deliver`, after what could be done was done.
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
    """The delivery that is next, if any is."""
    declared = registry.subscribers.get(subscriber)
    return sql.first_open(subscriber, key, strict=declared is not None and declared.order == "strict")


def _deliver_in_order(
    subscriber: str, first: Callable[[], OpenDelivery | None], again: bool, until: float, go_on: Callable[[], object]
) -> Exception | None:
    """One after the other; the error at which it ended, if it was one."""
    while (one := first()) is not None and not one.held:
        if time.monotonic() > until:
            go_on()
            return None
        try:
            if not _deliver_first(subscriber, one, again, go_on):
                return None
        except Exception as error:  # recorded; the other keys go on
            return error
        again = False
    return None


def _deliver_first(subscriber: str, one: OpenDelivery, again: bool, go_on: Callable[[], object]) -> bool:
    """Handle this one; whether to look for a next one."""
    declared, envelope = registry.subscribers.get(subscriber), one.envelope
    counted = again or envelope.attempts > 0 or (declared is not None and declared.call is not None)
    delivery = OrderedDelivery(subscriber, declared, envelope, counted, one.row)
    with trace.use(trace.from_headers(envelope.trace_headers)), causation.use(envelope.id):
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
