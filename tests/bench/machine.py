"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import psycopg2
from redis import Redis

OURS = ("django", "celery", "kombu", "redis", "psycopg2-binary")
BUSY = 0.5  # load a core
LOCKS = Path(__file__).resolve().parent


def describe(environment: Mapping[str, str], rivals: list[str]) -> dict[str, Any]:
    """Cores, processor, versions, and the load before the bench began."""
    with Redis.from_url(environment["REDIS_URL"]) as redis:
        server = redis.info("server")
    connection = psycopg2.connect(environment["DATABASE_URL"])
    versions = {name: metadata.version(name) for name in OURS}
    versions |= {"postgresql": connection.info.parameter_status("server_version") or ""}
    versions |= {
        "redis_server": f"{server.get('server_name', 'redis')} {server.get('valkey_version', server['redis_version'])}"
    }
    connection.close()
    return host() | {"versions": versions | {rival: pinned(rival) for rival in rivals}}


def host() -> dict[str, Any]:
    """The machine without its servers, the commit, and our packages."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": processor(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in OURS},
        "commit": commit(),
        "load_at_start": [round(load, 2) for load in os.getloadavg()],
    }


def warn_if_busy(about: Mapping[str, Any]) -> None:
    """Say so when other work would spoil the figures."""
    load = about["load_at_start"][0]
    if load > BUSY * about["cores"]:
        print(f"This machine is busy already (load {load}): the figures will say little.", flush=True)


def processor() -> str:
    names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return names[0] if names else platform.processor()


def pinned(rival: str) -> str:
    """The version in the rival's lock."""
    found = re.search(
        rf"^{rival.replace('_', '-')}(?:-sdk)?==(\S+)", (LOCKS / f"{rival}.txt").read_text(), re.MULTILINE
    )
    return found[1] if found else ""


def commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False, cwd=LOCKS
    )
    return done.stdout.strip()
