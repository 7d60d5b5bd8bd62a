"""Runs PostgreSQL as the user `nobody` when we are root: PostgreSQL refuses to run as root."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

from ..errors import LocalStackError


def as_unprivileged(command: Sequence[str | Path], *, dies_by: signal.Signals) -> list[str]:
    """The command as user `nobody` when we are root; unchanged otherwise.

    The server keeps one capability, CAP_DAC_OVERRIDE, so that it reaches a project below a home directory of mode 0700
    without copies or changed modes. A change of user clears the parent-death signal: setpriv sets it again.
    """
    parts = [str(part) for part in command]
    if os.geteuid() != 0:
        return parts
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise LocalStackError(
            "PostgreSQL refuses to run as root, and `setpriv` (util-linux) is not here to change the user. "
            "Run as a normal user, or set DATABASE_URL to a server of your own."
        )
    # no_setuid_fixup: initdb finds its files by access(2), which checks the real user and would drop the capability.
    keep = ["--securebits", "+no_setuid_fixup", "--inh-caps", "+dac_override", "--ambient-caps", "+dac_override"]
    user = ["--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    return [setpriv, *user, *keep, "--pdeathsig", signal.Signals(dies_by).name.removeprefix("SIG"), *parts]


NOBODY = 65534


def give_to_nobody(path: Path) -> None:
    """Give a directory to the unprivileged user when we are root."""
    if os.geteuid() == 0:
        with contextlib.suppress(FileNotFoundError):
            os.chown(path, NOBODY, NOBODY)
