"""The letters to travellers. None is sent before all is booked and paid, or all is undone: so none is ever taken back.

A letter is sent outside of transactions. What is said of one that is sent twice in `orders.subscribers` holds here too.
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

PATIENT = Retry(attempts=8)


def write_itinerary(message: Message[TripConfirmed]) -> str:
    """What is booked."""
    return send(message, f"Your trip {message.body.number} is booked", "trips/mail/itinerary.txt")


def write_cancellation(message: Message[TripCancelled]) -> str:
    """That the trip is cancelled, why, and that nothing was charged."""
    reason = wording.reason(message.body.reason)
    return send(message, f"Your trip {message.body.number} is cancelled", "trips/mail/cancelled.txt", reason=reason)


@subscribe(TripConfirmed, name="trips.email_itinerary", retry=PATIENT, call=write_itinerary)
def email_itinerary(message: Message[TripConfirmed], letter: str) -> None:
    """The letter is out; that it was is what the inbox remembers."""


@subscribe(TripCancelled, name="trips.email_cancellation", retry=PATIENT, call=write_cancellation)
def email_cancellation(message: Message[TripCancelled], letter: str) -> None:
    """The letter is out; that it was is what the inbox remembers."""


def send(message: Message[Any], subject: str, template: str, **extra: str) -> str:
    """Render one letter to the traveller and hand it to the mail server; its Message-ID."""
    trip, letter = Trip.objects.get(pk=message.body.trip_id), message_id(message.id)
    link = f"{settings.SITE_URL}{trip.get_absolute_url()}"
    text = render_to_string(template, {"trip": trip, "link": link, **extra})
    EmailMessage(subject, text, to=[message.body.email], headers={"Message-ID": letter}).send()
    return letter
