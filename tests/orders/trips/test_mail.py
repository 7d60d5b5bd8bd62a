"""The letters to the traveller: one, and only when it is settled."""

from __future__ import annotations

import pytest
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from orders.participants import payments
from orders.trips import letters, status
from orders.trips.models import Trip, TripLetter
from outbox import testing
from outbox.models import Delivery
from sagas.models import Run
from tests.support.sagas.driver import step_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_booked_trip_is_told_once(trip: Trip, mailoutbox: list[EmailMessage]) -> None:
    with transaction.atomic():
        status.note_charge(trip.pk, "pi_1", 29700)
        status.confirm_trip(trip.pk, "TKT-1", "H-1")
    testing.drain()
    testing.drain()
    (letter,) = mailoutbox
    assert (letter.to, letter.subject) == (["ann@example.com"], f"Your trip {trip.number} is booked")
    for words in ("SA 105", "TKT-1", "Casa Azul, 2 nights", "H-1", "once: 297.00 EUR", str(trip.pk)):
        assert words in letter.body


def closed_by_hand(trip: Trip) -> None:
    with transaction.atomic():
        status.note_hold(trip.pk, "pi_1")
        status.confirm_trip(trip.pk, "", "")


@pytest.mark.parametrize(
    ("charged", "said"),
    [(0, "We have no record of a charge to your card."), (29700, "Charged to your card, once: 297.00 EUR")],
)
def test_of_a_trip_that_a_person_closed_the_processor_is_asked_what_was_charged(
    trip: Trip, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch, charged: int, said: str
) -> None:
    monkeypatch.setattr(payments, "charged", lambda *_args, **_options: charged)
    closed_by_hand(trip)
    testing.drain()
    (letter,) = mailoutbox
    assert said in letter.body
    assert ("paid" in letter.body) is bool(charged)
    trip.refresh_from_db()
    assert trip.charged == charged


def test_each_letter_is_in_the_record_and_the_same_message_twice_is_one(trip: Trip) -> None:
    with transaction.atomic():
        status.ask_to_confirm(trip.pk, payments.Action("pi_1", "https://bank.example/1", timezone.now()))
    testing.drain()
    with transaction.atomic():
        status.mark_cancelled(trip.pk, "no_rooms")
    testing.drain()
    assert list(trip.letters.exclude(sent_at=None).values_list("kind", flat=True)) == ["confirm_payment", "cancelled"]
    known = trip.letters.get(kind="cancelled")
    assert letters.begin(trip.pk, TripLetter.Kind.CANCELLED, known.message_id) is None
    assert letters.begin(trip.pk, TripLetter.Kind.CANCELLED, "<another@message>") is None


def test_a_letter_that_was_begun_and_never_ended_is_sent_again_under_its_message_id(
    trip: Trip, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction.atomic():
        status.mark_cancelled(trip.pk, "no_rooms")
    with monkeypatch.context() as patch:
        patch.setattr(letters, "note_sent", lambda _letter: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            testing.drain()
    Delivery.objects.update(due_at=Now(), held_until=None)
    testing.drain()
    assert len({letter.extra_headers["Message-ID"] for letter in mailoutbox}) == 1
    assert len(mailoutbox) == 2


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
