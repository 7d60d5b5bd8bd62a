"""Trips in the admin: to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from orders.admin.base import ReadOnly, runs_about
from orders.desk.search import Listed
from orders.money import shown

from .models import FlightOffer, HotelOffer, Trip, TripLetter
from .search import trips
from .timeline import run_of

if TYPE_CHECKING:
    TripBase = admin.ModelAdmin[Trip]
    FlightBase = admin.ModelAdmin[FlightOffer]
    HotelBase = admin.ModelAdmin[HotelOffer]
    LettersBase = admin.TabularInline[TripLetter, Trip]
else:  # Django's own classes take no type arguments
    TripBase = FlightBase = HotelBase = admin.ModelAdmin
    LettersBase = admin.TabularInline


class CityFilter(admin.SimpleListFilter):
    """By city, of those that are offered: to look all up would read every trip."""

    title, parameter_name = "city", "city"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        cities = FlightOffer.objects.order_by("city").values_list("city", flat=True).distinct()
        return [(city, city) for city in dict.fromkeys([*cities, *filter(None, [request.GET.get("city")])])]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Trip]) -> QuerySet[Trip]:
        return queryset.filter(city=self.value()) if self.value() else queryset


class LetterInline(ReadOnly, LettersBase):
    """The letters to its traveller. One that was begun and not sent may have gone out all the same."""

    model = TripLetter
    fields = ["kind", "begun_at", "sent_at", "message_id"]
    extra = 0
    verbose_name_plural = "letters"


@admin.register(Trip)
class TripAdmin(ReadOnly, Listed, TripBase):
    """Trips, newest first."""

    list_display = ["number", "status", "status_reason", "email", "amount", "created_at"]
    list_filter = ["status", CityFilter, "created_at"]
    inlines = [LetterInline]
    search_fields = ["number", "email", "id"]  # that there is a search; what it does is `found`
    search_help_text = "Trip number, with T- or without; a part of the e-mail; id; or a day, such as 2026-11-28"
    fields = readonly_fields = (
        "number",
        "status",
        "status_reason",
        "email",
        "payment_method",
        "city",
        "departs",
        "flight_name",
        "flight",
        "ticket",
        "hotel_name",
        "hotel",
        "nights",
        "room",
        "amount",
        "payment_intent",
        "taken",
        "saga",
        "cases",
        "created_at",
        "updated_at",
        "version",
    )

    def found(self, word: str) -> Q:
        """The trips that one word means."""
        return trips(word)

    @admin.display(description="total")
    def amount(self, trip: Trip) -> str:
        """The total with its currency."""
        return f"{trip.total} {trip.currency}"

    @admin.display(description="charged", ordering="charged")
    def taken(self, trip: Trip) -> str:
        """What the card was charged."""
        return shown(trip.charged, trip.currency)

    @admin.display(description="cases")
    def cases(self, trip: Trip) -> SafeString:
        """A link to all runs about the trip: of its disputes, and differences between the books."""
        return runs_about(trip.number)

    @admin.display(description="saga")
    def saga(self, trip: Trip) -> SafeString | str:
        """A link to the run that carries the trip."""
        run = run_of(trip)
        if run is None:
            return "none: finished runs are removed after a while"
        address = reverse("admin:sagas_run_change", args=[run.pk])
        return format_html('<a href="{}">{} ({})</a>', address, run.name, run.get_status_display())


@admin.register(FlightOffer)
class FlightOfferAdmin(ReadOnly, FlightBase):
    """What the airline last offered."""

    list_display = ["name", "city", "departs", "price", "currency", "left"]


@admin.register(HotelOffer)
class HotelOfferAdmin(ReadOnly, HotelBase):
    """What the hotels last offered."""

    list_display = ["name", "city", "price", "currency"]
