"""What the traveller sees of a trip while it moves; the steps look as those of an order do."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.utils import timezone

from orders.coordination import progress
from orders.presentation.timeline import ShownStep, show
from orders.presentation.waiting import Hold, hold_of
from orders.wording import WAITS_FOR_CUSTOMER
from sagas.models import Run, StepStatus

from . import wording
from .models import Trip
from .sagas import trip as saga


@dataclass(frozen=True, slots=True)
class Timeline:
    """The moving part of the trip's page."""

    trip: Trip
    steps: list[ShownStep]
    charge: str
    """What has become of the traveller's money, in a sentence."""
    can_cancel: bool
    hold: Hold | None = None

    @classmethod
    def of(cls, trip: Trip) -> Timeline:
        """The trip as it stands now."""
        run, now = run_of(trip), timezone.now()
        if run is None:  # finished long ago, and pruned
            return cls(trip, [], wording.charge(trip, StepStatus.PENDING), can_cancel=False)
        stands = progress.of_run(run)
        hold = hold_of(stands, now, "trip", wording, action_url=trip.action_url)
        return cls(
            trip=trip,
            steps=[
                show(step, stands, now, hold, wording)
                for step in stands.steps
                if trip.total or step.name not in progress.PAYING
            ],
            charge=wording.charge(trip, stands.capture),
            can_cancel=stands.can_cancel,
            hold=hold,
        )

    @property
    def headline(self) -> str:
        """The state of the trip in one sentence."""
        return (self.hold and self.hold.headline) or wording.HEADLINES[self.trip.status]

    @property
    def reason(self) -> str:
        """Why it is not going as wished; empty while all goes well."""
        why = wording.traveller_reason(self.trip)
        return f"{why} {self.hold.reason}".lstrip() if self.hold else why

    @property
    def action_url(self) -> str:
        """Where the traveller confirms the payment; empty while the bank does not ask for that."""
        asked = self.hold is not None and self.hold.label == WAITS_FOR_CUSTOMER
        return self.trip.action_url if asked else ""

    @property
    def pause(self) -> str:
        """How long the page waits before it asks again; empty when nothing will change any more."""
        if self.trip.is_final:
            return ""
        if self.hold is not None:
            return self.hold.pause
        return "5s" if self.trip.status == Trip.Status.NEEDS_ATTENTION else "700ms"

    @property
    def fingerprint(self) -> str:
        """Changes with anything that is shown."""
        shown = (
            self.trip.version,
            self.headline,
            self.reason,
            self.charge,
            self.can_cancel,
            self.action_url,
            self.steps,
        )
        return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def run_of(trip: Trip) -> Run | None:
    """The run that carries the trip; None once it is pruned."""
    return Run.objects.filter(name=saga.name, key=trip.saga_key).prefetch_related("steps").first()
