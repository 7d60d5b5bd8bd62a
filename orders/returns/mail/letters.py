"""The letters about returns: rendered and handed to the mail server, never inside a transaction."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from .. import wording
from ..models import Letter, Return

SUBJECTS = {
    Letter.Kind.REFUNDED: "Your return {} is refunded",
    Letter.Kind.DECLINED: "We could not take back {}",
    Letter.Kind.UNPAID: "The refund of your return {} did not arrive",
    Letter.Kind.PAID_AGAIN: "Your return {} is refunded after all",
    Letter.Kind.WITHDRAWN: "Your return {} is not refunded after all",
}
FREE = "Your return {} is taken back"


def send(letter: Letter) -> None:
    """Render and send one letter to the order's customer, as the return stands now."""
    returned = letter.returned
    order = returned.order
    context = {
        "returned": returned,
        "order": order,
        "lines": returned.lines.select_related("line"),
        "link": f"{settings.SITE_URL}{order.get_absolute_url()}",
        "reason": wording.declined(returned.status_reason),
        "parcel": wording.PARCEL[returned.parcel],
        "earlier": [subject(one.kind, returned) for one in returned.letters.exclude(pk=letter.pk)],
    }
    text = render_to_string(f"returns/mail/{letter.kind}.txt", context)
    headers = {"Message-ID": letter.message_id}
    EmailMessage(subject(letter.kind, returned), text, to=[order.email], headers=headers).send()


def subject(kind: str, returned: Return) -> str:
    """What stands above a letter."""
    free = kind == Letter.Kind.REFUNDED and not returned.amount
    return (FREE if free else SUBJECTS[Letter.Kind(kind)]).format(returned.number)
