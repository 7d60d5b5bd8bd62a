"""Which shares wait, and why: for the first page and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .. import sql
from ..engine.letting_in import policy_of
from ..sql import shares

COUNTED = 10_000
"""So many waiting runs are counted."""
MOST = 20
"""So many shares are named, those of which most runs wait."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Runs that wait for the turn of one share, or for one key of a saga's limit in it."""

    share: str
    line: str
    """The saga and the key of its limit; empty for none."""
    waiting: int
    living: int
    """Runs of the share that count against its limit."""
    at_once: int | None
    """The share's limit."""
    living_of_line: int
    line_at_once: int | None
    since: datetime
    """Since when one of those that came first waits."""

    @property
    def name(self) -> str:
        return self.share or "runs without a share"

    @property
    def why(self) -> str:
        """What they wait for: `its limit is reached: 5 of 5 at once`."""
        if self.at_once is not None and self.living >= self.at_once:
            return f"its limit is reached: {self.living} of {self.at_once} at once"
        if self.line_at_once is not None and self.living_of_line >= self.line_at_once:
            return f"the limit of {self.line} is reached: {self.living_of_line} of {self.line_at_once} at once"
        return "its turn comes by its weight"

    def __str__(self) -> str:
        one = self.waiting == 1
        return f"{self.name}: {self.waiting} {'run waits' if one else 'runs wait'}; {self.why}"


def standings() -> list[Standing]:
    """The shares of which runs wait, those first of which most do."""
    rows = sql.fetch(shares.STANDING, {"counted": COUNTED, "most": MOST})
    return [
        Standing(share, line, waiting, living, policy_of(share).at_once, living_of_line, at_once, since)
        for share, line, at_once, waiting, living, living_of_line, since in rows
    ]
