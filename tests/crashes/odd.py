"""Two odd sagas, over a participant that keeps its ledger in files: it outlives any worker.

`parcel`: the first undo fails twice before it is done. `toll`: the pivot's answer is always lost.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sagas import NotApplied, Retry, Saga, StepContext, UndoContext
from sagas.testing.errors import NoAnswer

LEDGER = "CRASH_TEST_LEDGER"
"""The environment variable that names the ledger's folder."""
SOON = Retry(attempts=6, first=timedelta(milliseconds=100), longest=timedelta(milliseconds=500))


@dataclass(frozen=True)
class Trip:
    """The input."""

    name: str


@dataclass(frozen=True)
class Ledger:
    """What the participant did, by the caller's key. A key has one effect, however often it is asked for."""

    folder: Path

    def do(self, key: str) -> None:
        if not self._file(key, "undone").exists():
            self._file(key, "done").touch()

    def undo(self, key: str) -> None:
        self._file(key, "undone").touch()

    def has(self, key: str) -> bool:
        """Whether it was done and is not undone."""
        return self._file(key, "done").exists() and not self._file(key, "undone").exists()

    def nth(self, key: str) -> int:
        """Counts: from 1."""
        number = 1
        while True:
            try:
                os.close(os.open(self._file(key, f"asked-{number}"), os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                number += 1
            else:
                return number

    def _file(self, key: str, kind: str) -> Path:
        return self.folder / f"{key}.{kind}"


def ledger() -> Ledger:
    return Ledger(Path(os.environ[LEDGER]))


parcel = Saga[Trip]("crash_parcel", version=1)


@parcel.step(participant="post", retry=SOON, undo_retry=Retry(attempts=8, first=timedelta(milliseconds=100)))
def pick_up(ctx: StepContext[Trip]) -> str:
    ledger().do(ctx.key)
    return ctx.key


@pick_up.undo
def bring_back(ctx: UndoContext[Trip, str]) -> None:
    if ledger().nth(ctx.key) <= 2:
        raise NoAnswer("the depot does not answer")
    ledger().undo(ctx.step_key)


@parcel.step(participant="post", retry=SOON, undo_retry=SOON)
def sort(ctx: StepContext[Trip]) -> str:
    ledger().do(ctx.key)
    return ctx.key


@sort.undo
def unsort(ctx: UndoContext[Trip, str]) -> None:
    ledger().undo(ctx.step_key)


toll = Saga[Trip]("crash_toll", version=1)


@toll.step(participant="road", retry=SOON, undo_retry=SOON)
def open_gate(ctx: StepContext[Trip]) -> str:
    ledger().do(ctx.key)
    return ctx.key


@open_gate.undo
def close_gate(ctx: UndoContext[Trip, str]) -> None:
    ledger().undo(ctx.step_key)


@toll.pivot(participant="bank", retry=Retry(attempts=3, first=timedelta(milliseconds=100)))
def pay_toll(ctx: StepContext[Trip]) -> str:
    ledger().do(ctx.key)
    raise NoAnswer("no answer")


@pay_toll.probe
def find_toll(ctx: StepContext[Trip]) -> str | NotApplied:
    return ctx.key if ledger().has(ctx.key) else NotApplied()


@toll.step(participant="road", retry=Retry.until_done(first=timedelta(milliseconds=100)))
def drive_through(ctx: StepContext[Trip]) -> str:
    ledger().do(ctx.key)
    return ctx.key
