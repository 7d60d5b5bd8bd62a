"""What the shop keeps of trips: what the travel companies last offered, and the trips that were booked."""

from __future__ import annotations

import uuid
from datetime import date
from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast, Concat, Now, Upper
from django.urls import reverse

from orders.amounts import AmountField, currency_field, known


class FlightOffer(models.Model):
    """A flight as the airline last described it; the airline owns the seats. Written by `trips.offers` alone."""

    code = models.CharField(max_length=100, primary_key=True)
    name = models.CharField(max_length=100)
    city = models.CharField(max_length=100)
    departs = models.DateField()
    price = AmountField()
    currency = currency_field()
    left = models.PositiveIntegerField(help_text="Seats that could last be booked.")

    class Meta:
        ordering = ["departs", "city", "price"]
        constraints = [known("flight_offer")]

    def __str__(self) -> str:
        return f"{self.name} to {self.city}"


class HotelOffer(models.Model):
    """A hotel as it last described itself; it owns the rooms. `price` is a night's. Written by `trips.offers` alone."""

    code = models.CharField(max_length=100, primary_key=True)
    name = models.CharField(max_length=100)
    city = models.CharField(max_length=100)
    price = AmountField()
    currency = currency_field()
    left = models.JSONField(default=dict, help_text="Rooms that could last be booked, by night.")

    class Meta:
        ordering = ["city", "-price"]
        constraints = [known("hotel_offer")]

    def __str__(self) -> str:
        return self.name

    def left_on(self, night: date) -> int:
        """Rooms that could last be booked for that night."""
        return int(self.left.get(night.isoformat(), 0))


def next_number() -> Concat:
    """T-100001, T-100002 …: taken by PostgreSQL within the INSERT, so two trips never share one. Gaps are normal."""
    sequence = models.Func(models.Value("trips_trip_number"), function="nextval", output_field=models.BigIntegerField())
    return Concat(models.Value("T-"), Cast(sequence, models.TextField()), output_field=models.TextField())


class Trip(models.Model):
    """A flight and a hotel that a traveller asked for, and how far it has come. Written by `trips.status` alone."""

    class Status(models.TextChoices):
        """Where the trip stands; each says who acts next."""

        PROCESSING = "processing", "Processing"
        """It is carried on; nobody needs to act."""
        CONFIRMED = "confirmed", "Confirmed"
        """Paid, and the ticket is issued. Final."""
        CANCELLING = "cancelling", "Cancelling"
        """What was booked for it is being cancelled; nobody needs to act."""
        CANCELLED = "cancelled", "Cancelled"
        """All undone, the card was not charged. Final."""
        NEEDS_ATTENTION = "needs_attention", "Needs attention"
        """Stuck: an operator decides in the admin."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(max_length=24, unique=True, editable=False, db_default=next_number())
    email = models.EmailField()
    payment_method = models.CharField(max_length=64)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PROCESSING)
    status_reason = models.CharField(max_length=500, blank=True, help_text="Why it is cancelled or needs attention.")
    city = models.CharField(max_length=100)
    flight = models.CharField(max_length=100, help_text="The airline's code of the flight.")
    flight_name = models.CharField(max_length=100)
    flight_price = AmountField()
    departs = models.DateField()
    hotel = models.CharField(max_length=100, help_text="The hotel's code.")
    hotel_name = models.CharField(max_length=100)
    night_price = AmountField()
    nights = models.PositiveSmallIntegerField()
    ticket = models.CharField(max_length=100, blank=True, help_text="The airline's number of the ticket.")
    room = models.CharField(max_length=100, blank=True, help_text="The hotel's reference of the booking.")
    total = AmountField()
    currency = currency_field()
    payment_intent = models.CharField(max_length=255, blank=True, help_text="The bank's name of the payment.")
    charged = models.PositiveBigIntegerField(default=0, help_text="What the card was charged, in minor units.")
    action_url = models.TextField(
        blank=True, help_text="Where the traveller confirms the payment, while the bank asks."
    )
    idempotency_key = models.CharField(max_length=255, blank=True, editable=False)
    request_hash = models.CharField(max_length=64, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False, help_text="Counts changes; see trips/status.py.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["-created_at"], name="trip_newest_first"),
            models.Index(fields=["status", "-created_at"], name="trip_by_status"),
            models.Index(Upper("email"), name="trip_by_email"),
            models.Index(fields=["city", "-created_at"], name="trip_by_city"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(total__gte=0), name="trip_total_not_negative"),
            known("trip"),
            models.CheckConstraint(condition=Q(nights__gt=0), name="trip_nights_positive"),
            models.UniqueConstraint(
                fields=["idempotency_key"], condition=~Q(idempotency_key=""), name="trip_once_per_idempotency_key"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        """The page on which the traveller follows the trip."""
        return reverse("trip", args=[self.pk])

    @property
    def saga_key(self) -> str:
        """The key of the trip's saga and of its events."""
        return f"trip:{self.pk}"

    @property
    def stay_price(self) -> Decimal:
        """What all nights cost."""
        return self.night_price * self.nights

    @property
    def is_final(self) -> bool:
        """Nothing will change any more."""
        return self.status in {self.Status.CONFIRMED, self.Status.CANCELLED}


class TripLetter(models.Model):
    """A letter about a trip. It is written down before it is sent: mail cannot be unsent; see `trips.letters`."""

    class Kind(models.TextChoices):
        """What it says."""

        CONFIRM_PAYMENT = "confirm_payment", "Please confirm the payment"
        ITINERARY = "itinerary", "Your trip is booked"
        CANCELLED = "cancelled", "Your trip is cancelled"

    trip = models.ForeignKey(Trip, models.CASCADE, related_name="letters")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    message_id = models.CharField(max_length=255, help_text="The letter's own Message-ID, the same however often sent.")
    begun_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(
        null=True, blank=True, help_text="Empty: begun, and nobody knows whether the mail server took it."
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["trip", "kind"],
                condition=~Q(kind="confirm_payment"),  # each time the bank asks for it
                name="trip_letter_once_per_kind",
            ),
            models.UniqueConstraint(fields=["trip", "message_id"], name="trip_letter_once_per_message"),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()
