"""`make clean-local`: removes all local state, unless a stack is using it. Imports the standard library only."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from pathlib import Path


def main() -> int:
    home = Path(os.environ.get("SETTLE_HOME") or Path(__file__).resolve().parents[2] / ".local").resolve()
    if not home.exists():
        print(f"Nothing to remove: there is no {home}.")
        return 0
    if in_use(home / "lock"):
        print(f"Settle is running from {home}. Stop it first, then remove its data.", file=sys.stderr)
        return 1
    shutil.rmtree(home)
    print(f"Removed {home}.")
    return 0


def in_use(lock: Path) -> bool:
    """Whether a running stack holds the folder's lock."""
    if not lock.exists():
        return False
    with lock.open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())
