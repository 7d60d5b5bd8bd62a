"""The planned crash of each run, as a file in a folder that the test and its workers share. Each happens once."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

from .gaps import CrashPoint

FOLDER = "SAGAS_CRASH_PLANS"
"""The environment variable that names the folder to the workers."""


@dataclass(frozen=True, slots=True)
class Plans:
    """The folder: a file per run, and a second file after the run's crash has happened."""

    folder: Path

    def make(self, run_id: UUID, point: CrashPoint) -> None:
        """Plan the crash of this run. Call it before a worker can see the run."""
        unfinished = self.folder / f"{run_id}.part"
        unfinished.write_text(json.dumps(asdict(point)))
        unfinished.rename(self._plan(run_id))

    def of(self, run_id: UUID | str) -> CrashPoint | None:
        """The crash point of this run, before and after it has happened; None for a run without one."""
        try:
            return CrashPoint(**json.loads(self._plan(run_id).read_text()))
        except FileNotFoundError:
            return None

    def fire(self, run_id: UUID | str) -> bool:
        """Mark the crash as happened. True for the first caller only, over all processes."""
        try:
            os.close(os.open(self._fired(run_id), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def fired(self, run_id: UUID | str) -> bool:
        """Whether the crash of this run has happened."""
        return self._fired(run_id).exists()

    def _plan(self, run_id: UUID | str) -> Path:
        return self.folder / f"{run_id}.json"

    def _fired(self, run_id: UUID | str) -> Path:
        return self.folder / f"{run_id}.fired"
