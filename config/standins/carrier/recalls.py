"""Recalls of parcels: a parcel that is still at the depot is stopped, any other goes on.

Everything below the views runs in the caller's transaction, under the lock of the parcel's booking and the key's row.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from ..common.company import Company, Declined, Name, Reply, checked, explains, key_of
from .bookings import unknown
from .models import Booking, Departure, Fault, LedgerEntry, Recall, RecallStatus

USUAL = {"recall": "cannot_recall", "unrecall": "too_late"}
CARRIER = Company("carrier", Fault, USUAL)
LONGEST = 18  # digits of a parcel's number
AT_DEPOT = timedelta(seconds=float(os.environ.get("STANDINS_AT_DEPOT", "120")))
"""How long a parcel stays at the depot."""


@require_http_methods(["POST", "DELETE"])
@explains
def recall_view(request: HttpRequest, tracking: str) -> HttpResponse:
    """POST and DELETE /parcels/<tracking>/recall: recall it, or withdraw the recall; both with the recall's key."""
    checked(tracking, Name, "The parcel's number")
    key, booking = key_of(request), booking_of(tracking)
    order = booking.order if booking else ""

    def want_back() -> Reply:
        return 200, recall(key, tracking).as_json()

    def let_go() -> Reply:
        return 200, withdraw(key).as_json()

    operation, work = ("recall", want_back) if request.method == "POST" else ("unrecall", let_go)
    return CARRIER.answer(request, operation, order, work)


@require_http_methods(["GET", "PUT"])
@explains
def parcel_view(request: HttpRequest, tracking: str) -> HttpResponse:
    """GET /parcels/<tracking>: where it is. PUT: it has left the depot. For tests and people, so no fault hits PUT."""
    checked(tracking, Name, "The parcel's number")

    def work() -> Reply:
        booking = booking_of(tracking)
        if booking is None:
            raise unknown()
        if request.method == "PUT":
            Departure._default_manager.get_or_create(tracking=tracking)
        return 200, {"tracking": tracking, "order": booking.order, "at_depot": is_at_depot(booking)}

    return CARRIER.carried_out(work)


def recall(key: str, tracking: str) -> Recall:
    """Stop the parcel if it is still at the depot. A second call with the key returns the first answer.

    Raises Declined: `unknown` (404) for a parcel that was never sent, `withdrawn` when the recall was withdrawn,
    `key_reused` when the key belongs to another parcel.
    """
    row = Recall.claim(key)
    if row.status == RecallStatus.WITHDRAWN:
        raise Declined("withdrawn", "This recall was taken back; it stops nothing any more.")
    if row.status != RecallStatus.NEW:
        if row.tracking != tracking:
            raise Declined("key_reused", "This key was used for another parcel.", status=422)
        return row
    booking = booking_of(tracking)
    if booking is None:
        raise unknown()
    row.order, row.tracking = booking.order, tracking
    row.status = RecallStatus.STOPPED if is_at_depot(booking) else RecallStatus.ON_ITS_WAY
    row.save()
    if row.status == RecallStatus.STOPPED:
        LedgerEntry.write(row.order, "recalled", key, tracking=tracking)
    return row


def withdraw(key: str) -> Recall:
    """Let the parcel go on. An unknown key leaves a tombstone: a later recall with it is declined."""
    row = Recall.claim(key)
    if row.status == RecallStatus.STOPPED:
        LedgerEntry.write(row.order, "unrecalled", key, tracking=row.tracking)
    row.status = RecallStatus.WITHDRAWN
    row.save(update_fields=["status"])
    return row


def booking_of(tracking: str) -> Booking | None:
    """The booking of the parcel with this tracking number; None without one."""
    number = tracking.removeprefix("TRK")
    is_one = number.isascii() and number.isdigit() and len(number) <= LONGEST
    row = Booking._default_manager.filter(pk=int(number)).first() if is_one else None
    return row if row is not None and row.tracking == tracking else None


def is_at_depot(booking: Booking) -> bool:
    """Whether the ledger says it was dispatched less than AT_DEPOT ago, and no departure is recorded."""
    if Departure._default_manager.filter(tracking=booking.tracking).exists():
        return False
    ledger: Any = LedgerEntry._default_manager
    fetched = ledger.filter(operation="dispatched", key=booking.key).values_list("at", flat=True).first()
    return fetched is not None and timezone.now() - fetched < AT_DEPOT
