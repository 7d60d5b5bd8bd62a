"""Reads a report of the card processor: who sent it, and what it is about.

Source: https://docs.stripe.com/webhooks/signature
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import stripe
from django.conf import settings

from orders.participants import identity

TOLERANCE = 300
"""Seconds: a report that was signed longer ago is an old one that somebody sends again."""
TYPES = frozenset(
    {
        "payment_intent.requires_action",
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "payment_intent.canceled",
        "charge.refunded",
        "refund.updated",
        "refund.failed",
        "charge.dispute.created",
        "charge.dispute.closed",
    }
)
"""What the shop takes note of."""


Seconds = Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800)]
"""Since 1970, up to the year 2100."""
Text = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\0]*\Z")]
"""What the database can look for. Stripe's ids are of 255 characters at most, its metadata of 500."""


class NotAccepted(Exception):
    """The report is not one that we take; the message says why."""


class Metadata(msgspec.Struct):
    """What we wrote at the payment; what others wrote beside it is passed over."""

    order: Text = ""
    shop: Text = ""


class Subject(msgspec.Struct):
    """What a report is about: a payment, or something that belongs to one."""

    id: Text = ""
    object: Text = ""
    payment_intent: Text | None = None
    metadata: Metadata | None = None


class Data(msgspec.Struct):
    object: Subject


class Report(msgspec.Struct):
    """A Stripe event, as far as the shop reads it."""

    id: Annotated[Text, msgspec.Meta(min_length=1)]
    type: Text
    created: Seconds
    data: Data

    @property
    def at(self) -> datetime:
        """When it was made: the same on every delivery."""
        return datetime.fromtimestamp(self.created, UTC)

    @property
    def payment_intent(self) -> str:
        """The payment, "" when it names none."""
        about = self.data.object
        return about.id if about.object == "payment_intent" else about.payment_intent or ""

    @property
    def order_number(self) -> str:
        """The order by the payment's metadata, "" when it names none, or is another shop's."""
        metadata = self.data.object.metadata
        return metadata.order if metadata and metadata.shop == identity.shop() else ""


def read(body: bytes, signature: str) -> Report:
    """The report in a request's raw body. Raises NotAccepted."""
    verify(body, signature)
    try:
        return _decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NotAccepted(f"This is no event that the shop can read: {error}") from error


def verify(body: bytes, signature: str) -> None:
    """Whether one of our secrets has signed it, a moment ago. Raises NotAccepted."""
    if not signature.isascii():  # the SDK would raise a TypeError
        raise NotAccepted("The signature does not fit: it is made of other characters than Stripe's.")
    reason = "no secret is set"
    for secret in secrets():
        try:
            stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE)
        except stripe.SignatureVerificationError as error:
            reason = str(error.user_message)
        except UnicodeDecodeError as error:
            raise NotAccepted("The body is no text in UTF-8.") from error
        else:
            return
    raise NotAccepted(f"The signature does not fit: {reason}.")


def secrets() -> list[str]:
    """STRIPE_WEBHOOK_SECRET: one, or several with commas between them while one takes another's place."""
    return [secret.strip() for secret in settings.STRIPE_WEBHOOK_SECRET.split(",") if secret.strip()]


_decode = msgspec.json.Decoder(Report).decode
