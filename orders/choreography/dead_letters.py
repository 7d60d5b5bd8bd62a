"""An order that events carry comes onto the desk with its dead letter, in one transaction, whatever buried the message.

A step that is given up says so itself, in its own words; see `forward` and `backward`. This is for the others: what no
code here can read, what could not be published, what an operator skipped.
"""

from __future__ import annotations

from uuid import UUID

from django.dispatch import receiver

from outbox.consuming.dead_letter_signal import DeadLetterNotice, dead_lettered

from ..locks import lock_order
from ..models import Order
from ..sagas import ORDER
from .events import PREFIX
from .journeys import State, locked, to_the_desk


@receiver(dead_lettered, dispatch_uid="orders.choreography.desk")
def order_of_a_dead_letter(notice: DeadLetterNotice, **_: object) -> None:
    """Put the order of the message on the desk; no-op for one that is there, and for one that has ended."""
    if not notice.type.startswith(PREFIX) or not notice.key.startswith(ORDER):
        return
    order_id = UUID(notice.key.removeprefix(ORDER))
    journey = locked(order_id, State.OPEN, State.ONWARD, State.UNDOING)
    if journey is None or lock_order(order_id).status == Order.Status.NEEDS_ATTENTION:
        return
    what = notice.type.removeprefix(PREFIX)
    where = f"to {notice.subscriber}" if notice.subscriber else "of the relay"
    to_the_desk(journey, f"{what} was given up: {notice.error[:300]} Mend that, then requeue the dead letter {where}.")
