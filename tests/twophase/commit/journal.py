"""The coordinator's log. Presumed abort: the decision to commit is forced to disk; what it does not name is aborted."""

from __future__ import annotations

import json
import os
import threading
import uuid
from pathlib import Path


class Journal:
    """One file, a JSON record a line. It has an id, which is part of the name of every transaction that it decides.

    So a log that was lost cannot be taken for one that says "not committed": the new file has another id.
    """

    def __init__(self, path: Path) -> None:
        self._guard = threading.Lock()
        self._file = path.open("a+b")
        records = self._read()
        self.id: str = next((one["log"] for one in records if "log" in one), uuid.uuid4().hex[:8])
        self.life: int = 1 + sum("life" in one for one in records)
        """How often the log was opened: the coordinator's lives."""
        self._committed = {str(one["commit"]) for one in records if "commit" in one}
        if not records:
            self._write({"log": self.id})
            force_entry(path)
        self._write({"life": self.life})

    def name(self, number: str) -> str:
        """The transaction's name, in this life of the coordinator."""
        return f"{self.id}:{self.life}:{number}"

    def commit(self, transaction: str) -> None:
        """Decide. When this returns, the transaction is committed, whatever happens."""
        self._write({"commit": transaction})
        self._committed.add(transaction)

    def done(self, transaction: str) -> None:
        """All participants have carried it out. Nothing hangs on this record, so it waits for no disk."""
        self._write({"done": transaction}, force=False)

    def says_commit(self, transaction: str) -> bool:
        return transaction in self._committed

    def close(self) -> None:
        self._file.close()

    def _write(self, record: dict[str, object], *, force: bool = True) -> None:
        with self._guard:
            self._file.write(json.dumps(record).encode() + b"\n")
            self._file.flush()
            if force:
                os.fsync(self._file.fileno())

    def _read(self) -> list[dict[str, str]]:
        """All whole records; half a record at the end, on which nobody has acted, is cut off."""
        self._file.seek(0)
        text = self._file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._file.truncate(len(whole))
        return [json.loads(line) for line in whole.splitlines()]


def force_entry(path: Path) -> None:
    """Force the folder's entry for a new file to disk."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
