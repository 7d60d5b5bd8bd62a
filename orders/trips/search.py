"""From what a person types to trips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import Q
from django.urls import reverse

from orders.desk.search import exactly, keys, meant, newest_of
from outbox.operations.listing import key_finder
from sagas.front.search import Hit, finder

from .models import Trip


def trips(word: str) -> Q:
    """The trips that a word means."""
    return meant(Trip, word, letter="T", emails="trips_trip_email")


@finder("Trips", "trips.view_trip", order=12)
def trips_found(text: str) -> Iterator[Hit]:
    """By what the list of trips is searched by."""
    for trip in newest_of(Trip, trips, text):
        url = reverse("admin:trips_trip_change", args=[trip.pk])
        yield Hit(f"{trip.number} {trip.email}", url, trip.get_status_display())


@key_finder
def keys_of_trips(text: str) -> Iterable[str]:
    """The keys of messages about trips: by number, e-mail address or id."""
    return keys(Trip, "trip", text, exactly(Trip, text, "T"))
