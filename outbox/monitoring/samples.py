"""What a collector of metrics yields, as plain values: who exports them, and by which library, is the project's choice.

Names and labels follow Prometheus: base units, `_total` at the end of a counter. `exposition.py` hands them to
prometheus_client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate


class Kind(Enum):
    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Histogram:
    """Observations by size. `counts` has one more than `bounds`, for what is above all of them."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float
    """The sum of what was observed."""

    def up_to(self) -> list[tuple[str, int]]:
        """Each bound as text, "+Inf" the last, and how many observations are at most that."""
        names = [*(f"{bound:g}" for bound in self.bounds), "+Inf"]
        return list(zip(names, accumulate(self.counts), strict=True))


Values = Mapping[tuple[str, ...], float | Histogram]


@dataclass(frozen=True, slots=True)
class Metric:
    """One name, and its value for each combination of labels; one without labels has the key `()`."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    values: Values
