"""Cases on the desk: opened once for each difference and each dispute, and asked again when a dispute is decided."""

from __future__ import annotations

import logging

from django.db import transaction
from django.db.models import Q

from orders.models import Order
from orders.money import shown
from orders.trips.models import Trip
from sagas import WrongState, desk
from sagas.models import Run, RunStatus

from .books import Difference
from .processor import Disputed
from .sagas import Dispute, books, disputed

logger = logging.getLogger(__name__)
PROCESSOR = "the card processor"
SUBJECT = 300  # characters that a run keeps


def open_difference(difference: Difference) -> None:
    """Open the case, unless it is open, or a person has closed it.

    One that closed because the books agreed says nothing about the same difference found later: that is another case.
    """
    with transaction.atomic():
        mine = Q(key=difference.key) | Q(key__startswith=f"{difference.key}:")
        agreed = Run.objects.filter(mine, name=books.name, status=RunStatus.COMPLETED).count()
        key = f"{difference.key}:{agreed + 1}" if agreed else difference.key
        subject = f"{difference.order_number} {email_of(difference.order_number)}".strip()
        books.start(difference, key=key, subject=subject[:SUBJECT])


def open_dispute(found: Disputed) -> bool:
    """Open the case of a dispute, unless it is known; whether the dispute is open at all, and about a payment of
    ours."""
    number = number_of(found.payment_intent) or found.order_number
    if not (found.is_open and number):
        return False
    case = Dispute(found.dispute, found.payment_intent, number)
    subject = f"{number} {shown(found.amount, found.currency)} {email_of(number)}"
    with transaction.atomic():
        disputed.start(case, key=key_of(found), subject=subject[:SUBJECT])
    return True


def look_again(found: Disputed) -> None:
    """Have the case of a dispute that the bank has decided ask once more, and so close by itself."""
    run = Run.objects.filter(name=disputed.name, key=key_of(found), status=RunStatus.STUCK).first()
    if run is None or found.is_open:
        return
    reason = f"It reported that the dispute is {found.status.replace('_', ' ')}."
    try:
        desk.retry_now(run.pk, actor=desk.Person(PROCESSOR), reason=reason, row_version=run.row_version)
    except (WrongState, desk.SecondPersonNeeded) as error:  # an operator was quicker, or two are to decide
        logger.info("books.not_retried", extra={"run": str(run.pk), "why": str(error)})


def number_of(payment_intent: str) -> str:
    """The order or the trip that was paid so; "" for a payment that we do not know."""
    kinds = (Order, Trip) if payment_intent else ()
    numbers = (kind.objects.filter(payment_intent=payment_intent).values_list("number", flat=True) for kind in kinds)
    return next((number for found in numbers for number in found), "")


def email_of(number: str) -> str:
    """Whose order or trip it is; "" for a number that is not here."""
    emails = (kind.objects.filter(number=number).values_list("email", flat=True) for kind in (Order, Trip))
    return next((email for found in emails for email in found), "")


def key_of(found: Disputed) -> str:
    """A dispute is one case."""
    return f"dispute:{found.dispute}"
