"""What becomes of an order whose goods the warehouse keeps aside no longer."""

from __future__ import annotations

import logging

from django.db import transaction

from ..coordination.choose import coordinator_of
from ..lifecycle.status import tell_the_desk
from ..models import Order

logger = logging.getLogger(__name__)

WAREHOUSE = "the warehouse"
EXPIRED = "reservation_expired"
WHY = "The warehouse put the goods aside for as long as it does, and has given them back."


def given_away(number: str) -> bool:
    """The order's reservation has expired: have the order undone while the card is not charged; whether it is.

    From the capture on it goes forward: the warehouse takes the pieces if they are still there, and else refuses, which
    brings the order to a person's desk. One that is there already has it added to what the operator reads.
    """
    order = Order.objects.filter(number=number).first()
    withdrawn = (
        order is not None and not order.is_final and coordinator_of(order).withdraw(EXPIRED, WHY, actor=WAREHOUSE)
    )
    if order is not None and not withdrawn:
        with transaction.atomic():
            tell_the_desk(order.pk, WHY)
    logger.info("orders.goods_given_away", extra={"order": number, "withdrawn": withdrawn})
    return withdrawn
