"""Held keys: keys that wait because their first message failed, and what an operator can do with them.

Each act is safe while a relay acts at the same moment: it is done, or refused with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from django.db import transaction

from .. import doorbell, sql
from ..consuming import dead_letter_signal
from ..errors import OutboxError
from ..models import DeadLetter, Hold, OutboxMessage
from .audit import Actor, name_of, record, required_reason
from .requeue import requeue as requeue_dead_letter

COUNTED = 1000  # messages behind a held key: beyond that, "1000+"
READ = 10_000  # rows of its shard that are read to count them
MARGIN = timedelta(seconds=5)
"""A hold that ends sooner counts as ended: a relay may fetch its message before the act commits."""


class NotHeld(OutboxError):
    """The key is no longer held: its message went out, or another person has acted."""


class BeingPublished(OutboxError):
    """A relay may be publishing the message now; nothing was done."""


class GivenUp(OutboxError):
    """Its message was given up and is a dead letter: requeue it, or skip it."""


class Depth(NamedTuple):
    """How many messages of a key wait behind its first message."""

    waiting: int
    more: bool
    """Whether there may be more: counting ended at its bound."""

    def __str__(self) -> str:
        return f"{self.waiting}+" if self.more else str(self.waiting)


def behind(holds: Iterable[Hold]) -> dict[int, Depth]:
    """How many messages wait behind each hold, by the hold's id."""
    found = sql.count_behind([hold.pk for hold in holds], COUNTED, READ)
    return {hold: Depth(*counted) for hold, counted in found.items()}


def retry(destination: str, key: str, *, actor: Actor, reason: str = "") -> None:
    """Try the key's first message now. If it fails again, the next wait is as long as it would have been.

    Raises NotHeld, and GivenUp when the message is a dead letter.
    """
    with transaction.atomic():
        hold = _locked(destination, key)
        if hold.until is None:
            raise GivenUp(f"The first message of {hold} was given up: requeue it, or skip it.")
        sql.try_at_once(hold.pk)
        record(actor, hold, f"Retried {hold}{_because(reason)} after {hold.attempts} attempts: {hold.last_error}")
        transaction.on_commit(doorbell.ring)


def skip(destination: str, key: str, *, actor: Actor, reason: str) -> None:
    """Continue without the key's first message, which becomes a dead letter that says who skipped it, and why.

    Later messages arrive without it; if it is requeued, it arrives after them. Raises ReasonMissing, NotHeld, and
    BeingPublished while a relay may be publishing it.
    """
    why = required_reason(reason)
    with transaction.atomic():
        sql.set_lock_timeout("2s")  # shorter than MARGIN, so that the hold is still there at the commit
        hold = _locked(destination, key)
        _refuse_in_hand(hold)
        _make_dead_letter(hold, f"Skipped by {name_of(actor)}: {why}")
        hold_is = str(hold)
        record(actor, hold, f"Skipped the first message of {hold_is}, {hold.type} {hold.message_id}: {why}")
        hold.delete()
        transaction.on_commit(doorbell.ring)


def requeue(destination: str, key: str, *, actor: Actor, reason: str = "") -> None:
    """Put a message that was given up back in its place, before the messages that wait for it, and release the key.

    Raises NotHeld, and OutboxError when the message was not given up.
    """
    with transaction.atomic():
        hold = _locked(destination, key)
        dead = _dead_letter(hold)
        if dead is None:
            raise OutboxError(f"The first message of {hold} was not given up: retry it, or skip it.")
        requeue_dead_letter(dead.pk)
        record(actor, hold, f"Requeued the first message of {hold}, {hold.type} {hold.message_id}{_because(reason)}")


def _locked(destination: str, key: str) -> Hold:
    hold = Hold.objects.select_for_update().filter(destination=destination, key=key).first()
    if hold is None:
        raise NotHeld(f"{key} to {destination} is no longer held: its message went out, or another person has acted.")
    return hold


def _refuse_in_hand(hold: Hold) -> None:
    """Raise BeingPublished when a relay may fetch the message: the hold ends soon, and a relay owns the shard."""
    if not sql.holds_for(hold.pk, MARGIN) and sql.lock_shard(hold.destination, hold.shard):
        raise BeingPublished(
            f"The first message of {hold} may be published at this moment; look again when it has failed or gone out. "
            f"To prevent that, pause shard {hold.shard} of {hold.destination} first."
        )


def _make_dead_letter(hold: Hold, words: str) -> None:
    """Turn the message into a dead letter. When it was given up before, add the words to its dead letter."""
    if sql.dead_letter_skipped(hold.destination, hold.shard, hold.position, f"{words}\n{hold.last_error}"):
        dead_letter_signal.send(hold.type, hold.key, "", words)
        return
    dead = _dead_letter(hold)
    if dead is not None:
        dead.error = f"{words}\n{dead.error}"
        dead.save(update_fields=["error"])


def _dead_letter(hold: Hold) -> DeadLetter | None:
    if OutboxMessage.objects.filter(destination=hold.destination, shard=hold.shard, id=hold.position).exists():
        return None
    dead = DeadLetter.objects.select_for_update().filter(destination=hold.destination, message_id=hold.message_id)
    return dead.filter(subscriber="").first()


def _because(reason: str) -> str:
    return f" ({reason.strip()})" if reason.strip() else ""
