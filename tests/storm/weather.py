"""What happens to the stack, and when: three phases, each a list of disruptions in an order that the seed decides."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from .stack import Stack


@dataclass(frozen=True, slots=True)
class Disruption:
    name: str
    strike: Callable[[Stack], None]


@dataclass(frozen=True, slots=True)
class Phase:
    """One kind of weather. Its disruptions come one after the other, `every` seconds apart."""

    name: str
    every: float
    disruptions: tuple[Disruption, ...]

    @property
    def seconds(self) -> float:
        return self.every * len(self.disruptions)


def killed(role: str) -> Disruption:
    return Disruption(f"{role} killed", lambda stack: stack.kill(role))


WEB_PROCESS_KILLED = Disruption("one web process killed", Stack.kill_one_web_process)
FROZEN = 8.0  # seconds


def frozen(role: str) -> Disruption:
    """Frozen while the next disruptions come."""
    return Disruption(f"{role} frozen for {FROZEN:g} s", lambda stack: stack.freeze(role, FROZEN))


def phases(seed: int) -> list[Phase]:
    """The storm of that seed."""
    dice = random.Random(seed)
    behind = [killed(role) for role in ("worker", "relay", "beat") for _ in range(4)]
    everything = [
        *(killed(role) for role in ("worker", "worker", "relay", "beat", "consumer", "upkeep", "stand-ins", "web")),
        *(Disruption("Redis emptied", Stack.empty_redis) for _ in range(9)),
        Disruption("Redis killed", Stack.kill_redis),
        Disruption("PostgreSQL crashed", Stack.crash_database),
        frozen("relay"),
    ]
    dice.shuffle(behind)
    dice.shuffle(everything)
    return [
        Phase("workers, relay and beat killed", 2.5, tuple(behind)),
        Phase("web killed", 2.5, (WEB_PROCESS_KILLED,) * 10 + (killed("web"),) * 2),
        Phase("everything", 2.5, tuple(everything)),
    ]


def blow(phase: Phase, stack: Stack, tell: Callable[[str], None]) -> datetime:
    """Let the phase's disruptions come; returns when the last one was over. What it killed may still be starting."""
    over = datetime.now(UTC)
    for disruption in phase.disruptions:
        began = time.monotonic()
        disruption.strike(stack)
        over = datetime.now(UTC)
        tell(disruption.name)
        time.sleep(max(0.0, phase.every - (time.monotonic() - began)))
    return max(over, stack.thawed())
