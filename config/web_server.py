"""gunicorn's settings of the web process: `gunicorn config.wsgi --config python:config.web_server …`.

Its processes count their requests in files of one folder, so that whichever of them is scraped answers for all. The
folder is this master's own: one that starts finds no counts of another.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from . import env


def own_folder() -> Path:
    """Removed at the end. That of a master that was killed on a developer's machine goes with the next `make test`."""
    if not env.flag("SETTLE_LOCAL"):
        return Path(tempfile.mkdtemp(prefix="settle-metrics-"))
    folder = env.LOCAL_HOME / f"run-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


FOLDER = own_folder()
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(FOLDER)  # before prometheus_client is imported, which reads it once


def child_exit(_server: Any, worker: Any) -> None:
    """Called for each process that ended, after SIGKILL too. What it has counted stays."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(_server: Any) -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
