"""What a report settles: an order that waits on its payment looks now, and one in doubt about the charge asks again.

Only what the processor says now counts, `state`: a late or doubled report of an earlier one changes nothing. Nothing is
concluded here either. The step asks again under its own key, and finds out by itself.
"""

from __future__ import annotations

from orders.coordination.choose import coordinator_of
from orders.models import Order
from orders.sagas import authorize_payment, capture_payment

PROCESSOR = "the card processor"
STILL_ASKING = "requires_action"
DECIDED = frozenset({"succeeded", "canceled"})
"""States of a payment that end the doubt about its charge."""


def settle(order: Order, state: str, why: str) -> None:
    """Have the order find out what the payment's `state` means for it; in the caller's transaction."""
    coordinator = coordinator_of(order)
    if state != STILL_ASKING:
        coordinator.wake(authorize_payment)
    if state in DECIDED and not coordinator.wake(capture_payment):
        reason = f"It reported {why}: the payment is {state}."
        coordinator.ask_again(capture_payment, actor=PROCESSOR, reason=reason)
