"""A ready archive for runs that are pruned: SAGAS_ARCHIVE = "sagas.archive.to_jsonl"."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from outbox.messages import codec

from .settings import saga_settings


def to_jsonl(runs: list[dict[str, Any]]) -> None:
    """Write the runs into a file of their own in SAGAS_ARCHIVE_FOLDER, one JSON object a line.

    The file is there as a whole or not at all, and on the disk before the runs are removed. A run whose removal failed
    after that is in a later file as well. Inputs and results are written as they are: guard the folder as you guard the
    database. Raises ImproperlyConfigured without a folder, and OSError.
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
    """Have the file's name on the disk, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
