"""The letters to the traveller, and their record: each is written down, sent outside of transactions, and sent once.

No letter says anything of a trip before all of it is booked and paid, or undone: so none is ever taken back.
"""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models.functions import Now
from django.template.loader import render_to_string

from orders.money import major_units

from .models import Trip, TripLetter
from .status import lock_trip

Kind = TripLetter.Kind
SUBJECTS = {
    Kind.CONFIRM_PAYMENT: "Please confirm the payment of your trip {}",
    Kind.ITINERARY: "Your trip {} is booked",
    Kind.CANCELLED: "Your trip {} is cancelled",
}


def begin(trip_id: UUID, kind: TripLetter.Kind, message_id: str, *, url: str = "") -> TripLetter | None:
    """Write down that a letter is about to be sent; None when it was sent.

    `url`: where the letter asks to confirm the payment; None too when that is not asked there any more. One that was
    begun and never ended is begun again, under the same Message-ID.
    """
    with transaction.atomic():
        trip = lock_trip(trip_id)
        if kind == Kind.CONFIRM_PAYMENT and trip.action_url != url:
            return None
        same = {"message_id": message_id} if kind == Kind.CONFIRM_PAYMENT else {}
        found = trip.letters.filter(kind=kind, **same).first()
        if found is None:
            return TripLetter.objects.create(trip=trip, kind=kind, message_id=message_id)
        if found.sent_at:
            return None
        TripLetter.objects.filter(pk=found.pk).update(begun_at=Now())
        return found


def send(letter: TripLetter, **said: object) -> None:
    """Render the letter and hand it to the mail server, as the trip stands now; `said` is what else it says."""
    trip = Trip.objects.get(pk=letter.trip_id)
    charged = major_units(trip.charged, trip.currency)
    context = {
        "trip": trip,
        "link": f"{settings.SITE_URL}{trip.get_absolute_url()}",
        "charged": charged,
        "differs": charged != trip.total,
        **said,
    }
    text = render_to_string(f"trips/mail/{letter.kind}.txt", context)
    subject = SUBJECTS[Kind(letter.kind)].format(trip.number)
    EmailMessage(subject, text, to=[trip.email], headers={"Message-ID": letter.message_id}).send()


def note_sent(letter: TripLetter | None) -> None:
    """The mail server has it; in the caller's transaction. None is passed over."""
    if letter is not None:
        TripLetter.objects.filter(pk=letter.pk, sent_at=None).update(sent_at=Now())
