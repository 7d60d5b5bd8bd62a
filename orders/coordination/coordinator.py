"""What the shop asks of whatever carries an order. `choose.coordinator_of` knows which it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from sagas import Step

from ..sagas import Checkout
from .progress import Progress


class Coordinator(Protocol):
    """Carries one order.

    Lock order: what `lock` locks, then the order. Whoever takes the capture locks the former as well, so that of a
    cancel and the capture exactly one is first, and the other sees that.
    """

    has_run: bool
    """Whether a saga's run carries the order, which the desk shows."""

    def start(self, wish: Checkout) -> None:
        """Begin, in the transaction that accepts the order."""

    def lock(self) -> None:
        """Lock what carries the order until the transaction ends; nothing when that was pruned: it has ended then."""

    def cancel(self) -> bool:
        """The customer wants the order no more: have it undone. False when it is too late. Locks are held."""

    def withdraw(self, code: str, reason: str, *, actor: str) -> bool:
        """Nothing may come of the order any more; `code` says why. False, and nothing, when it is too late."""

    def wake(self, step: Step[Checkout, Any]) -> bool:
        """Have the step for which the order waits looked at now; whether it waited there."""

    def ask_again(self, step: Step[Checkout, Any], *, actor: str, reason: str) -> None:
        """Have the step tried once more, if it is on a person's desk because nobody knows whether it happened."""

    def charge_begun_at(self) -> datetime | None:
        """When the bank was first asked to charge the card; None when it was not, or nobody knows any more."""

    def progress(self) -> Progress | None:
        """How far the order has come; None when nothing carries it any more."""
