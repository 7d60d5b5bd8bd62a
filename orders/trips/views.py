"""The pages of trips."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from orders.errors import InvalidOrder, KeyReused, OrderChanged
from orders.presentation.timeline import is_still
from orders.web.forms import new_token, versions
from orders.web.polls import gives_way

from . import offers, row_state
from .forms import TripForm, destination
from .models import Trip
from .sagas import authorize_payment
from .sagas import trip as saga
from .services import cancel_trip, place_trip
from .timeline import Timeline
from .validation import parse_trip

TOO_LATE = "It is too late to cancel this trip."
CHANGED = (
    "Your trip changed after this page was shown, and was not cancelled. Look at it as it stands now, then decide."
)
SENT = "This page has booked a trip already. Check what you chose, then send it as a new one."


@never_cache  # the token in the page is good for one trip: going back must fetch a new one
@require_GET
def trips(request: HttpRequest) -> HttpResponse:
    """Flights and hotels of one destination, and the form that books them."""
    offers.refresh_if_old()
    return show(request, TripForm(destination(request.GET)), status=200)


@never_cache
@require_POST
def book(request: HttpRequest) -> HttpResponse:
    """Place the trip and go to its page. The form's token makes a double click one trip."""
    form = TripForm.posted(request.POST)
    try:
        placed = place_trip(parse_trip(form.body()), idempotency_key=f"form:{form.token}")
    except InvalidOrder as error:
        form.errors = error.errors
        return show(request, form, status=400)
    except KeyReused:
        form.errors, form.token = {"form": [SENT]}, new_token()
        return show(request, form, status=422)
    return redirect(placed.trip)


@never_cache
@require_GET
def trip(request: HttpRequest, trip_id: UUID) -> HttpResponse:
    """Where the traveller follows the trip."""
    state = row_state.of_trip(trip_id)
    timeline = Timeline.of(get_object_or_404(Trip, pk=trip_id))
    return render(request, "trips/trip.html", context(timeline, state))


@never_cache
@require_GET
@gives_way
def progress(request: HttpRequest, trip_id: UUID) -> HttpResponse:
    """The part of the trip's page that moves; 204 while what the page has `seen` still stands, and while too
    many ask."""
    seen, state = request.GET.get("seen"), row_state.of_trip(trip_id)
    if seen and seen == state:
        return HttpResponse(status=204)
    timeline = Timeline.of(get_object_or_404(Trip, pk=trip_id))
    if seen == timeline.fingerprint:
        return HttpResponse(status=204)
    return render(request, "trips/progress.html", context(timeline, state))


def context(timeline: Timeline, state: str) -> dict[str, object]:
    """What the trip's templates show; `state` is that of its rows, from before the timeline was read."""
    seen = state if is_still(timeline.steps, timeline.hold) else timeline.fingerprint
    return {"trip": timeline.trip, "timeline": timeline, "seen": seen}


@never_cache
@require_GET
def returned(request: HttpRequest, trip_id: UUID) -> HttpResponseRedirect:
    """The bank sends the browser here once the traveller confirmed, or did not: the trip asks the bank at once."""
    placed = get_object_or_404(Trip, pk=trip_id)
    saga.wake(placed.saga_key, step=authorize_payment.name)
    return redirect(placed)


@require_POST
def cancel(request: HttpRequest, trip_id: UUID) -> HttpResponseRedirect:
    """Cancel the trip, or say that it is too late. The form carries the version of the trip that the traveller saw."""
    placed = get_object_or_404(Trip, pk=trip_id)
    try:
        if not cancel_trip(placed, seen=versions(request.POST)):
            messages.warning(request, TOO_LATE)
    except OrderChanged:
        messages.warning(request, CHANGED)
    return redirect(placed)


def show(request: HttpRequest, form: TripForm, *, status: int) -> HttpResponse:
    """The page with what was chosen and what is wrong with it."""
    context = {"form": form, "destinations": offers.destinations()}
    return render(request, "trips/trips.html", context, status=status)
