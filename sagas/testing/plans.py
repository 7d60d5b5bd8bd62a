"""What is to go wrong with which run: files in a folder that the test and the workers share. Each happens once."""

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
    """A folder with a file for each run, and one beside it once the run's crash has happened."""

    folder: Path

    def make(self, run_id: UUID, point: CrashPoint) -> None:
        """Have it happen to this run. Call it before a worker can see the run."""
        unfinished = self.folder / f"{run_id}.part"
        unfinished.write_text(json.dumps(asdict(point)))
        unfinished.rename(self._plan(run_id))

    def of(self, run_id: UUID | str) -> CrashPoint | None:
        """What happens to this run, or has happened; None for any other run."""
        try:
            return CrashPoint(**json.loads(self._plan(run_id).read_text()))
        except FileNotFoundError:
            return None

    def fire(self, run_id: UUID | str) -> bool:
        """Whether it is to happen here and now: for one caller only, whichever process it is in."""
        try:
            os.close(os.open(self._fired(run_id), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def fired(self, run_id: UUID | str) -> bool:
        return self._fired(run_id).exists()

    def _plan(self, run_id: UUID | str) -> Path:
        return self.folder / f"{run_id}.json"

    def _fired(self, run_id: UUID | str) -> Path:
        return self.folder / f"{run_id}.fired"
