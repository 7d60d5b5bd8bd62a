"""The letters to travellers. None is sent before all is booked and paid, or all is undone.

What is said of letters sent twice in `orders.subscribers` holds here as well.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from orders.letters import message_id
from outbox import Message, Retry, subscribe

from . import wording
from .events import TripCancelled, TripConfirmed
from .models import Trip


@subscribe(TripConfirmed, name="trips.email_itinerary", retry=Retry(attempts=8))
def email_itinerary(message: Message[TripConfirmed]) -> None:
    """Tell the traveller what is booked."""
    send(message, f"Your trip {message.body.number} is booked", "trips/mail/itinerary.txt")


@subscribe(TripCancelled, name="trips.email_cancellation", retry=Retry(attempts=8))
def email_cancellation(message: Message[TripCancelled]) -> None:
    """Tell the traveller that the trip is cancelled, why, and that nothing was charged."""
    reason = wording.reason(message.body.reason)
    send(message, f"Your trip {message.body.number} is cancelled", "trips/mail/cancelled.txt", reason=reason)


def send(message: Message[Any], subject: str, template: str, **extra: str) -> None:
    """Render and send one letter to the traveller."""
    trip = Trip.objects.get(pk=message.body.trip_id)
    link = f"{settings.SITE_URL}{trip.get_absolute_url()}"
    text = render_to_string(template, {"trip": trip, "link": link, **extra})
    EmailMessage(subject, text, to=[message.body.email], headers={"Message-ID": message_id(message.id)}).send()
