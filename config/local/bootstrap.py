"""`make setup`: makes the virtual environment from the locked requirements named on the command line.

The system's Python runs it, so it imports the standard library only. It may run again at any time: when the locks have
not changed it does nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
STAMP = VENV / ".installed.json"
PYTHON = VENV / "bin" / "python"
PACKAGE = re.compile(r"(?:Collecting|Requirement already satisfied:|Ignoring) ([A-Za-z0-9._-]+)")
"""How pip's line about a package begins."""


def main(locks: list[str]) -> int:
    wanted = {lock: hashlib.sha256((ROOT / lock).read_bytes()).hexdigest() for lock in locks}
    (ROOT / ".local").mkdir(exist_ok=True)
    with (ROOT / ".local" / "setup.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # `make up` and `make test` may start at once
        installed = read_stamp()
        if all(installed.get(lock) == digest for lock, digest in wanted.items()) and works():
            return 0
        if not works() and not make_environment():
            return 1
        return install(wanted, installed)


def read_stamp() -> dict[str, str]:
    """The digest of each lock that is installed."""
    try:
        return dict(json.loads(STAMP.read_text()))
    except (FileNotFoundError, ValueError):
        return {}


def works() -> bool:
    """Whether the environment has pip and this Python: an upgrade of the system's Python breaks an old one."""
    if not PYTHON.exists():
        return False
    question = "import sys, pip; print(*sys.version_info[:2])"
    answer = subprocess.run([PYTHON, "-c", question], capture_output=True, text=True, check=False)
    return answer.stdout.split() == [str(number) for number in sys.version_info[:2]]


def make_environment() -> bool:
    version = ".".join(map(str, sys.version_info[:3]))
    if importlib.util.find_spec("ensurepip") is None:
        complain(
            f"{sys.executable} ({version}) cannot make virtual environments: its `venv` part is missing. "
            "On Debian or Ubuntu: apt install python3-venv. Or name another Python: make up PYTHON=python3.12"
        )
        return False
    print(f"Making .venv with Python {version} …", flush=True)
    venv.create(VENV, clear=True, with_pip=True, symlinks=True)
    return True


def install(wanted: dict[str, str], installed: dict[str, str]) -> int:
    begun = time.monotonic()
    command = [str(PYTHON), "-m", "pip", "install", "--require-hashes", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", *(word for lock in wanted for word in ("-r", str(ROOT / lock)))]
    code = counted(command, len({name for lock in wanted for name in names_in(ROOT / lock)}))
    if code:
        complain("Installing failed; pip's messages are above. Nothing else changed: fix the cause, run make again.")
        return code
    current = {lock: digest for lock, digest in installed.items() if lock_digest(lock) == digest}
    STAMP.write_text(json.dumps({**current, **wanted}, indent=1))
    print(f"Installed in {time.monotonic() - begun:.0f} s.", flush=True)
    return 0


def names_in(lock: Path) -> list[str]:
    """The packages that the lock names."""
    return re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", lock.read_text(), re.MULTILINE)


def counted(command: list[str], packages: int) -> int:
    """Run pip and show how many of its packages it has seen to; its messages only when it fails. Returns its code."""
    said: list[str] = []
    seen: set[str] = set()
    on_terminal = sys.stdout.isatty()
    print(f"Installing {packages} packages …", flush=True)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            said.append(line)
            if found := PACKAGE.match(line):
                seen.add(found[1].lower())
                if on_terminal:
                    print(f"\r  {len(seen)} of {packages} ", end="", flush=True)
    if on_terminal:
        print(f"\r  {packages} of {packages}" if pip.returncode == 0 else "")
    if pip.returncode:
        sys.stderr.writelines(said)
    return pip.returncode


def lock_digest(lock: str) -> str:
    path = ROOT / lock
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def complain(text: str) -> None:
    print(f"\n{text}", file=sys.stderr)


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main(sys.argv[1:]))
