"""Where contenders run, and how much is asked of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .contenders import Contender


@dataclass(frozen=True)
class Load:
    """How much is asked of a contender."""

    warm_up: int = 1_000
    rows: int = 20_000
    seconds: int = 10
    """For how long events are written when the time to their arrival is measured."""


@dataclass(frozen=True)
class Place:
    """Where the contenders run."""

    urls: Mapping[str, str]
    """A contender's database, by its name."""
    redis_url: str
    venvs: Path
    logs: Path
    environment: Mapping[str, str]

    def environment_of(self, contender: Contender) -> dict[str, str]:
        theirs = {"DATABASE_URL": self.urls[contender.database], "REDIS_URL": self.redis_url}
        theirs["PYTHONPATH"] = str(contender.root)
        return {**self.environment, **theirs, **contender.environment}
