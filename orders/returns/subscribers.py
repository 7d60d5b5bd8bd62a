"""What returns do about events: they write to the customer, and listen for refunds that failed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from orders.letters import message_id
from outbox import Message, Retry, subscribe

from . import wording
from .events import OrderReturned, ReturnDeclined
from .models import Return


def write_returned(message: Message[OrderReturned]) -> None:
    """What was given back, and what to do with the goods."""
    send(message, f"Your return {message.body.number} is refunded", "returns/mail/returned.txt")


def write_declined(message: Message[ReturnDeclined]) -> None:
    """That it was not taken back, and why."""
    reason = wording.declined(message.body.reason)
    send(message, f"We could not take back {message.body.number}", "returns/mail/declined.txt", reason=reason)


@subscribe(OrderReturned, name="returns.email_returned", retry=Retry(attempts=8), call=write_returned)
def email_returned(_message: Message[OrderReturned], _written: None) -> None:
    """The letter is out, and is not written again."""


@subscribe(ReturnDeclined, name="returns.email_declined", retry=Retry(attempts=8), call=write_declined)
def email_declined(_message: Message[ReturnDeclined], _written: None) -> None:
    """The letter is out, and is not written again."""


def send(message: Message[Any], subject: str, template: str, **extra: str) -> None:
    """Render and send one letter; sent twice it carries the same Message-ID, by which mail systems drop the second."""
    returned = Return.objects.select_related("order").get(pk=message.body.return_id)
    link = f"{settings.SITE_URL}{returned.order.get_absolute_url()}"
    context = {"returned": returned, "lines": returned.lines.select_related("line"), "link": link, **extra}
    context["parcel"] = wording.PARCEL[returned.parcel]
    text = render_to_string(template, context)
    EmailMessage(subject, text, to=[message.body.email], headers={"Message-ID": message_id(message.id)}).send()
