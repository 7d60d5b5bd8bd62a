"""Both apps as distributions: built from this repository, and installed where nothing else of it can be imported."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.environments import pythons
from tests.support.workers import ROOT

LOCKS = Path(__file__).parent
APPS = ("outbox", "sagas")
PIP = (sys.executable, "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check")


class Failed(Exception):
    """A command ended with an error; its last words."""


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """What it printed. Raises Failed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def environment(folder: Path, lock: str, python: str = sys.executable) -> Path:
    """A virtual environment with what `tests/lift/LOCK.txt` names, from wheels alone; its Python."""
    run(python, "-m", "venv", "--without-pip", folder)
    made = folder / "bin" / "python"
    locked = ("--require-hashes", "--only-binary", ":all:", "-r", LOCKS / f"{lock}.txt")
    run(*PIP, "--python", made, "install", "--no-compile", *locked)
    return made


def environment_of_newest(folder: Path, lock: str, oldest: tuple[int, int]) -> Path | None:
    """The same with the newest Python on this machine for which all of it has wheels; None when there is none."""
    for version, python in sorted(_versions(), reverse=True):
        if version >= oldest:
            try:
                return environment(folder / ".".join(map(str, version)), lock, python)
            except Failed as error:
                logging.getLogger(__name__).warning("Not with Python %s: %s", version, error)
    return None


def _versions() -> Iterator[tuple[tuple[int, int], str]]:
    """Of the Pythons that work."""
    for python in pythons():
        with contextlib.suppress(Failed):  # a shim that leads nowhere
            major, minor = run(python, "-c", "import sys; print(*sys.version_info[:2])").split()
            yield (int(major), int(minor)), python


def build(python: Path, source: Path, into: Path, kind: str) -> Path:
    """The distribution, `wheel` or `sdist`, of a folder with a pyproject.toml; `python` has the build's backend."""
    before = set(into.iterdir())
    run(python, "-m", "hatchling", "build", "--target", kind, "--directory", into, cwd=source)
    (made,) = set(into.iterdir()) - before
    return made


def built(folder: Path) -> dict[str, Path]:
    """The wheel of each app, made in the folder."""
    python, into = environment(folder / "build", "build"), folder / "dist"
    into.mkdir()
    return {app: build(python, ROOT / app, into, "wheel") for app in APPS}


def unpacked(sdist: Path, into: Path) -> Path:
    """The folder that the source distribution holds."""
    with tarfile.open(sdist) as archive:
        archive.extractall(into, filter="data")
    return into / sdist.name.removesuffix(".tar.gz")


def install(python: Path, wheels: dict[str, Path], words: Sequence[str]) -> None:
    """As `pip install WORDS`, where `./outbox` and `./sagas` are the wheels, and all that they need is there."""
    named = [_wheel(word, wheels) for word in words]
    run(*PIP, "--python", python, "install", "--no-index", *named)


def _wheel(word: str, wheels: dict[str, Path]) -> str:
    path, bracket, extras = word.partition("[")
    return f"{wheels[path.removeprefix('./')]}{bracket}{extras}" if path.startswith("./") else word


def bare(folder: Path) -> dict[str, str]:
    """The environment of a process that imports what is installed, and what lies in the folder."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder)}
