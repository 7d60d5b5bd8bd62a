"""What must be there before the first round: the tables of each contender."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from config.local.postgres import bindir
from tests.bench.environments import run

from .contenders import Contender


def migrate(url: str, environment: Mapping[str, str]) -> None:
    """Make our tables."""
    settings = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.bench.sagas.settings"}
    command = (sys.executable, "manage.py", "migrate", "--verbosity", "0")
    run(command, {**environment, **settings}, what="The engine's tables cannot be made")


def prepare(contender: Contender, url: str, venvs: Path, environment: Mapping[str, str]) -> None:
    """Make a rival's tables and its queue."""
    if contender.rival == "absurd":
        path = os.pathsep.join([str(bindir()), environment.get("PATH", "")])  # it needs psql
        ctl = str(venvs / "absurd" / "bin" / "absurdctl")
        for arguments in (("init",), ("create-queue", "bench")):
            run((ctl, *arguments, "-d", url), {**environment, "PATH": path}, what="absurd's tables cannot be made")
    if contender.rival == "dbos":
        command = (
            str(venvs / "dbos" / "bin" / "dbos"),
            "migrate",
            "--sys-db-url",
            url.replace("postgres://", "postgresql://", 1),
        )
        run(command, environment, what="DBOS's tables cannot be made")
