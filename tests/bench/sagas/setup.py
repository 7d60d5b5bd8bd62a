"""What must be there before the first round: the tables of each rival."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from config.local.services.postgres import bindir
from tests.bench.environments import run

from .contenders import PACKAGE, Contender


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
    if contender.rival in ("oban", "django_absurd"):
        module = f"{PACKAGE}.rivals.{contender.rival}"
        theirs = {"DATABASE_URL": url, "PYTHONPATH": str(contender.root)}
        what = f"{contender.rival}'s tables cannot be made"
        run((contender.python(venvs), "-m", module, "prepare"), {**environment, **theirs}, what=what)
