"""From what a person types to trips."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from orders.desk.search import exactly, keys, meant
from outbox.operations.listing import key_finder

from .models import Trip


def trips(word: str) -> Q:
    """The trips that a word means."""
    return meant(Trip, word, letter="T", emails="trips_trip_email")


@key_finder
def keys_of_trips(text: str) -> Iterable[str]:
    """The keys of messages about trips: by number, e-mail address or id."""
    return keys(Trip, "trip", text, exactly(Trip, text, "T"))
