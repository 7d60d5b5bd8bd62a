"""An archive for pruned runs, ready to use: SAGAS_ARCHIVE = "sagas.archive.to_jsonl"."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from outbox.messages import codec

from .settings import saga_settings


def to_jsonl(runs: list[dict[str, Any]]) -> None:
    """Write the runs to a new file in SAGAS_ARCHIVE_FOLDER, one JSON object per line.

    The file appears complete or not at all, and is on disk before the runs are deleted. If that deletion fails, a later
    file holds the same runs again. Inputs and results are written as they are, so protect the folder as you protect the
    database. Raises ImproperlyConfigured when no folder is set, and OSError.
    """
    if not saga_settings.ARCHIVE_FOLDER:
        raise ImproperlyConfigured("Set SAGAS_ARCHIVE_FOLDER to where sagas.archive.to_jsonl shall put its files.")
    folder = Path(saga_settings.ARCHIVE_FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / f"{runs[0]['id']}-{len(runs)}.jsonl"
    part = whole.with_suffix(f".part-{os.getpid()}")
    with part.open("w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.writelines(codec.encode(run) + "\n" for run in runs)
        file.flush()
        os.fsync(file.fileno())
    part.replace(whole)
    _sync(folder)


def _sync(folder: Path) -> None:
    """Flush the folder, so that the file's name is on disk, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
