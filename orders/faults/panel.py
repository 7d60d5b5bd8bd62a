"""What the page shows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sagas.models import Breaker
from sagas.presentation.participant_labels import badge

from . import client, guard, switches, watch
from .client import Company, Operation
from .errors import StandinsAway

LASTS = ((5, "5 minutes"), (30, "30 minutes"), (240, "4 hours"), (0, "until cleared"))
"""Minutes, and how the page says them."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A fault on the page."""

    id: int
    says: str
    scope: str
    set_by: str
    hits: int


@dataclass(frozen=True, slots=True)
class Card:
    """A company on the page."""

    name: str
    keeps: str
    calls: Sequence[Operation]
    alone: Sequence[Operation]
    """What it does by itself."""
    faults: Sequence[Shown]
    seen_as: str
    """What the shop makes of it, when it holds its calls."""
    real: str
    """The address of the real company, where the shop does not ask the stand-in."""

    @property
    def state(self) -> tuple[object, ...]:
        """All that changes but the number of hits, which has a place of its own on the page."""
        return (self.name, [(one.id, one.scope) for one in self.faults], self.seen_as)


@dataclass(frozen=True, slots=True)
class Panel:
    """The page as it stands now. Without the stand-ins it has no cards, and says why in `away`."""

    cards: Sequence[Card]
    orders: Sequence[watch.Watched]
    away: str = ""

    @classmethod
    def now(cls) -> Panel:
        """Raises PanelOff where there is none."""
        orders = watch.latest()
        try:
            found = switches.companies()
        except StandinsAway as error:
            return cls([], orders, str(error))
        real = guard.real_participants()
        breakers = {breaker.name: breaker for breaker in Breaker.objects.all()}
        return cls([card(one, real, breakers.get(one.name)) for one in found], orders)

    @property
    def trouble(self) -> int:
        """How many faults are on."""
        return sum(len(one.faults) for one in self.cards)

    @property
    def states(self) -> str:
        """Changes with what the cards say, but for hits."""
        return _hash([one.state for one in self.cards], self.away)

    @property
    def fingerprint(self) -> str:
        """Changes with anything that is shown."""
        return _hash(self.states, self.orders, [[one.hits for one in card.faults] for card in self.cards])


def card(company: Company, real: dict[str, str], breaker: Breaker | None) -> Card:
    return Card(
        name=company.name,
        keeps=company.keeps,
        calls=[one for one in company.operations if one.called],
        alone=[one for one in company.operations if not one.called],
        faults=[shown(company, one) for one in company.faults],
        seen_as="" if breaker is None or breaker.state == Breaker.State.CLOSED else badge(breaker).text,
        real=real.get(company.name, ""),
    )


def shown(company: Company, fault: client.Fault) -> Shown:
    return Shown(fault.id, switches.says(company, fault), switches.scope(fault), fault.set_by, fault.hits)


def _hash(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
