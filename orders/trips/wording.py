"""Trips in plain words for travellers."""

from __future__ import annotations

from orders import wording
from orders.money import shown
from orders.wording import StepWords

from .models import Trip

REASONS = {
    "no_seats": "The flight has no seat left.",
    "unknown_flight": "The airline does not fly this any more.",
    "no_rooms": "The hotel is full in at least one of these nights.",
    "unknown_hotel": "The hotel does not take bookings any more.",
    "price_changed": "The price had changed by the time we booked.",
}

HEADLINES: dict[str, str] = {
    Trip.Status.PROCESSING: "We are booking your trip.",
    Trip.Status.CONFIRMED: "Your trip is booked.",
    Trip.Status.CANCELLING: "Your trip is being cancelled.",
    Trip.Status.CANCELLED: "Your trip is cancelled.",
    Trip.Status.NEEDS_ATTENTION: "Your trip needs a closer look.",
}

STEPS = {
    "book_flight": StepWords(
        "The airline", "Booking your seat", "Seat booked", "Giving your seat back", "Seat given back"
    ),
    "book_hotel": StepWords(
        "The hotel", "Booking your room", "Room booked", "Giving your room back", "Room given back"
    ),
    "issue_ticket": StepWords("The airline", "Issuing your ticket", "Ticket issued"),
    "send_itinerary": StepWords("The shop", "Sending your itinerary", "Itinerary sent"),
}


def step(name: str) -> StepWords:
    """The words for a step; paying is the same for trips and orders."""
    return STEPS.get(name) or wording.step(name)


def reason(code: str) -> str:
    """Why a trip was cancelled, as a sentence; empty for an empty code."""
    return REASONS.get(code) or wording.reason(code)


def traveller_reason(trip: Trip) -> str:
    """What the traveller is told about why the trip stands as it does; empty while all goes well."""
    if trip.status == Trip.Status.NEEDS_ATTENTION:
        return "Something did not answer as it should. A person is looking at your trip."
    return reason(trip.status_reason)


def charge(trip: Trip, capture: str) -> str:
    """What has become of the traveller's money; `capture` is the status of the step that takes it."""
    if not trip.total:
        return wording.FREE
    if trip.status == Trip.Status.CANCELLED and trip.charged:
        return f"Your card was charged {shown(trip.charged, trip.currency)}, and you get all of it back."
    if capture == "done" or trip.status == Trip.Status.CONFIRMED:
        total = f"{trip.total} {trip.currency}"
        return wording.taken(total, recorded=capture == "done" or trip.charged > 0)
    if trip.status == Trip.Status.CANCELLED:
        return "Your card was not charged."
    if capture in {"pending", "refused"}:
        return "Your card has not been charged."
    if trip.status == Trip.Status.NEEDS_ATTENTION and trip.charged:
        return f"Your card was charged {shown(trip.charged, trip.currency)}, not {trip.total}. One of us sets it right."
    if trip.status == Trip.Status.NEEDS_ATTENTION:
        return "We are finding out whether your card was charged. It will not be charged twice."
    return "Your card is being charged, once."
