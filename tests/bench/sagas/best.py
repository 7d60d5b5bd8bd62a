"""Which concurrency suits a rival best on this machine: short trials before the first round."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tests.bench.usage import Meter

from .contenders import Contender
from .session import Load, Place, Session, running


@dataclass
class Tried:
    """Runs a second of each concurrency of one process, with steps that do nothing, and with steps that wait."""

    quick: dict[int, float] = field(default_factory=dict)
    slow: dict[int, float] = field(default_factory=dict)

    def arranged(self, contender: Contender) -> Contender:
        """The contender with the best ones; as it was where nothing was tried."""
        return replace(
            contender,
            concurrency=max(self.quick, key=self.quick.__getitem__, default=contender.concurrency),
            slow_concurrency=max(self.slow, key=self.slow.__getitem__, default=contender.slow_concurrency),
        )

    def shown(self) -> dict[str, dict[str, float]]:
        """For the report: what each gave."""
        rates = {"runs_per_s": self.quick, "slow": self.slow}
        return {name: {str(tried): round(rate, 1) for tried, rate in one.items()} for name, one in rates.items()}


def try_out(contender: Contender, place: Place, meter: Meter, load: Load) -> Tried:
    """Have it carry a few runs at each of its concurrencies; slow ones too when they are measured later."""
    tried = Tried()
    with running(contender, place, meter) as session:
        for concurrency in contender.tried:
            one = replace(contender, concurrency=concurrency, slow_concurrency=concurrency)
            tried.quick[concurrency] = rate(session, one, load, slow=False)
            if load.slow_runs and contender.wholly:
                tried.slow[concurrency] = rate(session, one.when_slow(), load, slow=True)
    return tried


def rate(session: Session, arranged: Contender, load: Load, *, slow: bool) -> float:
    """Runs a second over one burst, after one that warms up."""
    session.rearrange(arranged)
    session.burst(load.warm_up)
    return load.trial_runs / session.burst(load.trial_runs, slow=slow)
