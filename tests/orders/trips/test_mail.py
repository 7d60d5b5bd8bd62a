"""The letters to the traveller: one, and only when it is settled."""

from __future__ import annotations

import pytest
from django.core.mail import EmailMessage
from django.db import transaction

from orders.trips import status
from orders.trips.models import Trip
from outbox import testing
from sagas.models import Run
from tests.support.sagas.driver import step_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_booked_trip_is_told_once(trip: Trip, mailoutbox: list[EmailMessage]) -> None:
    with transaction.atomic():
        status.confirm_trip(trip.pk, "TKT-1", "H-1")
    testing.drain()
    testing.drain()
    (letter,) = mailoutbox
    assert (letter.to, letter.subject) == (["ann@example.com"], f"Your trip {trip.number} is booked")
    for words in ("SA 105", "TKT-1", "Casa Azul, 2 nights", "H-1", "once: 297.00 EUR", str(trip.pk)):
        assert words in letter.body


def test_a_cancelled_trip_is_told_why_and_that_nothing_was_charged(trip: Trip, mailoutbox: list[EmailMessage]) -> None:
    with transaction.atomic():
        status.mark_cancelled(trip.pk, "no_rooms")
    testing.drain()
    (letter,) = mailoutbox
    assert letter.subject == f"Your trip {trip.number} is cancelled"
    for words in ("The hotel is full in at least one of these nights.", "your card was not charged"):
        assert words in letter.body


def test_a_trip_that_an_operator_undid_after_the_charge_is_told_that_the_money_comes_back(
    trip: Trip, mailoutbox: list[EmailMessage]
) -> None:
    with transaction.atomic():
        status.note_charge(trip.pk, "pi_1", 29700)
        status.mark_needs_attention(trip.pk, "the airline issues no ticket")
        status.mark_cancelled(trip.pk, "compensated_by_hand")
    testing.drain()
    (letter,) = mailoutbox
    assert "Your card was charged 297.00 EUR, and you get all of it back." in letter.body
    assert "not charged" not in letter.body


def test_a_flight_that_is_booked_is_no_reason_to_write(
    trip: Trip, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may still be cancelled, and a letter cannot be unsent."""
    from orders.participants import flight, payments

    held = payments.Authorization("pi_1", 29700, "EUR")
    monkeypatch.setattr(payments, "authorize", lambda *_args, **_options: held)
    monkeypatch.setattr(flight, "book", lambda *_args, **_options: flight.Seat("seat", "booked"))
    for _ in range(2):
        step_once(Run.objects.get().pk)
    testing.drain()
    assert mailoutbox == []
