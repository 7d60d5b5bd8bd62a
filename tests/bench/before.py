"""The same project as of another commit, to be measured beside the present one."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from .environments import run
from .errors import BenchError
from .processes import ROOT

HELP = "another commit of this project, such as v1.0 or a hash, that is measured too: the build before"


@dataclass(frozen=True)
class Build:
    """A folder with the code of one commit. It runs in the environment of the present code."""

    root: Path
    commit: str
    """Its whole hash."""


def checkout(ref: str, home: Path, root: Path = ROOT) -> Build:
    """Lay the commit that `ref` names in the repository at `root` below `home`, once. Raises BenchError."""
    command = ["git", "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}"]
    found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if found.returncode:
        raise BenchError(f"--before {ref}: this repository has no such commit.")
    commit = found.stdout.strip()
    folder = home / f"before-{commit[:12]}"
    if not (folder / ".git").exists():
        # --force: git still lists a worktree whose folder was removed, as `make clean-local` does
        what = f"--before {ref} cannot be checked out"
        run(
            ("git", "-C", str(root), "worktree", "add", "--quiet", "--force", "--detach", str(folder), commit),
            what=what,
        )
    return Build(folder, commit)
