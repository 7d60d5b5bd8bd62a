"""The letters to the customer: rendered and handed to the mail server, never inside a transaction."""

from __future__ import annotations

from email.utils import parseaddr
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from .. import wording
from ..models import Notice, Order
from ..money import major_units
from .sent_log import taken_back

SUBJECTS = {
    Notice.Kind.RECEIVED: "We have your order {}",
    Notice.Kind.CONFIRM_PAYMENT: "Please confirm the payment of your order {}",
    Notice.Kind.CONFIRMATION: "Your order {} is on its way",
    Notice.Kind.CANCELLATION: "Your order {} is cancelled",
    Notice.Kind.APOLOGY: "We are sorry: your order {} is cancelled",
}


def send(notice: Notice, **said: object) -> None:
    """Render and send one letter to the order's customer, as the order stands now; `said` is what else it says."""
    order, earlier = notice.order, taken_back(notice.order)
    charged = major_units(order.charged, order.currency)
    context = {
        "order": order,
        "link": f"{settings.SITE_URL}{order.get_absolute_url()}",
        "reason": wording.reason(order.status_reason),
        "charged": charged,
        "differs": charged != order.total,
        "unrecorded": not charged and any(one.kind == Notice.Kind.CONFIRMATION for one in earlier),
        "taken_back": [subject(one) for one in earlier],
        "wished": is_wished(order),
        **said,
    }
    text = render_to_string(f"orders/mail/{notice.kind}.txt", context)
    EmailMessage(subject(notice), text, to=[order.email], headers={"Message-ID": notice.message_id}).send()


def subject(notice: Notice) -> str:
    """What stands above a letter."""
    plain = notice.kind == Notice.Kind.APOLOGY and is_wished(notice.order)
    return SUBJECTS[Notice.Kind.CANCELLATION if plain else Notice.Kind(notice.kind)].format(notice.order.number)


def is_wished(order: Order) -> bool:
    """Whether the customer wanted it undone: then what was written is taken back, and nobody need be sorry."""
    return order.status_reason == "cancelled"


def message_id(message: UUID) -> str:
    """The id of the letter that a message has us write, the same however often it is sent."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{message}@{domain}>"
