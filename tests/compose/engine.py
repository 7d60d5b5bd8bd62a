"""A container engine with Compose, and the images that docker-compose.yml and the Dockerfile name."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.local.errors import LocalStackError
from config.local.subprocesses import spawn, stop, wait_until

ROOT = Path(__file__).resolve().parents[2]
IMAGES = Path(__file__).resolve().parent / "images"
HOME = ROOT / ".local" / "compose"
NO_ENGINE = (
    "No Docker engine with `docker compose` (version 2) answers here. Start one, or run this as root on Debian: then "
    "the engine is installed from Debian's packages and run for this test alone."
)


@contextmanager
def engine() -> Iterator[None]:
    """Docker answers while the block runs: the machine's own, or one that is started for it. Raises LocalStackError."""
    if quiet("docker", "compose", "version") and quiet("docker", "info"):
        yield
        return
    if os.geteuid() or not shutil.which("apt-get"):
        raise LocalStackError(NO_ENGINE)
    HOME.mkdir(parents=True, exist_ok=True)
    os.environ["DOCKER_HOST"] = f"unix://{HOME}/socket"
    os.environ["DOCKER_CONFIG"] = str(HOME / "config")
    log = HOME / "engine.log"
    print(f"Starting an engine for this test alone. Its log: {log}")
    process = spawn(["sh", IMAGES / "engine.sh", HOME], log, dies_by=signal.SIGTERM)
    try:
        wait_until(lambda: quiet("docker", "info"), process, what="The engine", log=log, seconds=300)
        yield
    finally:
        stop(process, signal.SIGTERM, patience=60)


def images() -> None:
    """Have the images: those of the registry, or what stands for them; and ours, built from the Dockerfile."""
    os.environ["DOCKER_BUILDKIT"] = "0"  # the builder that every engine has
    if not is_there("python:3.13-slim"):
        run("sh", str(IMAGES / "python.sh"), str(HOME))
    if not is_there("valkey/valkey:8"):
        run("docker", "build", "--quiet", "--network", "host", "--tag", "valkey/valkey:8", str(IMAGES / "valkey"))
    if not is_there("postgres:18"):
        context = HOME / "postgres"
        shutil.copytree(IMAGES / "postgres", context, dirs_exist_ok=True)
        shutil.copy(ROOT / "config/local/requirements.txt", context)
        run("docker", "build", "--quiet", "--network", "host", "--tag", "postgres:18", str(context))
    run("docker", "build", "--quiet", "--network", "host", "--tag", "settle", str(ROOT))


def is_there(image: str) -> bool:
    """Whether the engine has the image, or gets it from the registry."""
    return quiet("docker", "image", "inspect", image) or quiet("docker", "pull", "--quiet", image)


def run(*command: str) -> str:
    """Run a command to its end; its output. Raises LocalStackError with what it said when it failed."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LocalStackError(f"`{' '.join(command)}` ended with code {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def quiet(*command: str) -> bool:
    """Whether the command can be run, and ends well."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=300).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
