from dataclasses import dataclass
from decimal import Decimal

from outbox import event


@event("host.item_counted", version=2)
@dataclass(frozen=True)
class ItemCounted:
    """`behaviour` tells the first subscriber what to do after its write; the second always succeeds."""

    name: str
    behaviour: str = "succeed"
    price: Decimal = Decimal("1.50")


@event("host.nobody_listens", version=1)
@dataclass(frozen=True)
class NobodyListens:
    text: str


@event("host.chain_wanted", version=1)
@dataclass(frozen=True)
class ChainWanted:
    name: str
    queue: str = "events"


@event("host.quote_wanted", version=1)
@dataclass(frozen=True)
class QuoteWanted:
    """`behaviour` tells the call what to do."""

    name: str
    behaviour: str = "succeed"


@event("host.quote_refused", version=1)
@dataclass(frozen=True)
class QuoteRefused:
    name: str
    why: str


@event("host.step_taken", version=1)
@dataclass(frozen=True)
class StepTaken:
    """One of several that belong together: their order counts."""

    name: str
    behaviour: str = "succeed"
