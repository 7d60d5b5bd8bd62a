"""The embedded PostgreSQL and Redis: real servers that keep their data and die with their launcher."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import redis

from config.local import subprocesses
from config.local.errors import LocalStackError
from config.local.services.postgres import Postgres, bindir
from config.local.services.redis import Redis
from config.local.services.servers import Servers
from config.local.services.temporary import remove_left_overs

from .waiting import environment_without_servers, is_running, offspring, wait_for

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="parent-death signals are Linux's")

LAUNCHER = """
import sys, time
from pathlib import Path
from config.local.services.servers import Servers
servers = Servers(Path(sys.argv[1]))
servers.start()
print("started", flush=True)
time.sleep(600)
"""


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    running = Postgres(tmp_path / "postgres")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def no_servers_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


def query(url: str, sql: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_postgresql_answers_and_listens_on_the_loopback_interface_only(postgres: Postgres):
    assert query(postgres.url("postgres"), "SHOW listen_addresses") == [("127.0.0.1",)]
    assert query(postgres.url("postgres"), "SHOW unix_socket_directories") == [("",)]


def test_the_password_is_readable_by_its_owner_alone(postgres: Postgres):
    assert stat.S_IMODE((postgres.home / "password").stat().st_mode) == 0o600


def test_a_wrong_password_is_refused(postgres: Postgres):
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(postgres.url("postgres").replace(postgres.password, "wrong"))


def test_rows_are_kept_between_runs(postgres: Postgres):
    query(postgres.url("postgres"), "CREATE TABLE kept AS SELECT 7 AS seven")
    postgres.stop()
    again = Postgres(postgres.home)
    again.start()
    try:
        assert query(again.url("postgres"), "SELECT seven FROM kept") == [(7,)]
    finally:
        again.stop()


def test_keys_are_kept_between_runs_and_never_evicted(tmp_path: Path):
    first = Redis(tmp_path)
    first.start()
    with redis.Redis.from_url(first.url()) as client:
        client.set("kept", "7")
    first.stop()
    again = Redis(tmp_path)
    again.start()
    try:
        with redis.Redis.from_url(again.url()) as client:
            assert client.get("kept") == b"7"
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    finally:
        again.stop()


def test_a_first_start_that_was_interrupted_is_done_anew(tmp_path: Path):
    unfinished = tmp_path / "data.new"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    postgres = Postgres(tmp_path)
    postgres.start()
    try:
        assert query(postgres.url("postgres"), "SELECT 1") == [(1,)]
    finally:
        postgres.stop()


def test_a_process_id_that_now_belongs_to_somebody_else_is_left_alone(postgres: Postgres):
    postgres.stop()
    somebody = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        (postgres.data / "postmaster.pid").write_text(f"{somebody.pid}\n{postgres.data}\n")
        postgres.start()
        assert query(postgres.url("postgres"), "SELECT 1") == [(1,)]
        assert somebody.poll() is None
    finally:
        somebody.kill()
        somebody.wait()


def test_a_server_that_outlived_its_launcher_is_replaced(postgres: Postgres):
    query(postgres.url("postgres"), "CREATE TABLE kept AS SELECT 7 AS seven")
    again = Postgres(postgres.home)
    again.start()
    try:
        assert postgres.process.wait(10) == 0
        assert query(again.url("postgres"), "SELECT seven FROM kept") == [(7,)]
    finally:
        again.stop()


@on_linux
def test_killing_the_launcher_leaves_no_server_behind_and_the_next_start_recovers(tmp_path: Path):
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, tmp_path], stdout=subprocess.PIPE, env=environment_without_servers()
    )
    with launcher:
        assert launcher.stdout is not None
        assert launcher.stdout.readline() == b"started\n"
        servers = offspring(launcher.pid)
        assert len(servers) > 2, "PostgreSQL with its own processes, and Redis"
        launcher.send_signal(signal.SIGKILL)
    wait_for(lambda: not any(map(is_running, servers)), "the servers are gone", seconds=10)
    again = Postgres(tmp_path / "postgres")
    again.start()
    again.stop()


def test_servers_of_the_users_own_are_used_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: Postgres):
    postgres.create_databases("shop")
    monkeypatch.setenv("DATABASE_URL", postgres.url("shop"))
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:6/3")
    monkeypatch.delenv("WORKERS_DATABASE_URL", raising=False)
    servers = Servers(tmp_path / "unused")
    servers.start()
    servers.stop()
    assert not (tmp_path / "unused").exists()
    assert servers.environment["REDIS_URL"] == "redis://127.0.0.1:6/3"
    assert servers.environment["WORKERS_DATABASE_URL"] == postgres.url("shop")
    assert query(servers.environment["STANDINS_CARRIER_URL"], "SELECT current_database()") == [("shop_carrier",)]


@pytest.mark.usefixtures("no_servers_named")
def test_a_server_that_dies_runs_again_at_the_same_address(tmp_path: Path):
    servers = Servers(tmp_path)
    servers.start()
    try:
        assert servers.postgres is not None
        servers.postgres.process.kill()
        servers.postgres.process.wait()
        assert servers.restart_the_dead() == ["PostgreSQL"]
        assert query(servers.environment["DATABASE_URL"], "SELECT 1") == [(1,)]
        who = query(servers.environment["WORKERS_DATABASE_URL"], "SELECT session_user, current_user")
        assert who == [("settle_workers", "settle")]
        assert servers.restart_the_dead() == []
    finally:
        servers.stop()


def test_what_is_left_of_a_postgresql_that_was_killed_is_waited_for(postgres: Postgres):
    backend = query(postgres.url("postgres"), "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    left_over = int(str(backend[0][0]))
    os.kill(left_over, signal.SIGSTOP)
    postgres.process.kill()
    postgres.process.wait()
    wakes = threading.Timer(1.5, os.kill, (left_over, signal.SIGCONT))
    wakes.start()
    try:
        postgres.start()
    finally:
        wakes.join()
    assert query(postgres.url("postgres"), "SELECT 1") == [(1,)]
    assert "pre-existing shared memory block" in postgres.log.read_text()


def test_the_end_of_the_log_explains_a_server_that_does_not_start(tmp_path: Path):
    log = tmp_path / "log"
    process = subprocesses.spawn([sys.executable, "-c", "raise SystemExit('no room left')"], log)
    with pytest.raises(LocalStackError, match="no room left"):
        subprocesses.wait_until(lambda: False, process, what="The server", log=log)


def test_folders_of_killed_runs_are_removed_and_those_of_living_ones_kept(tmp_path: Path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    living = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        for pid in (ended.pid, living.pid):
            (tmp_path / f"run-{pid}").mkdir()
        (tmp_path / "mail").mkdir()
        remove_left_overs(tmp_path)
        assert {folder.name for folder in tmp_path.iterdir()} == {f"run-{living.pid}", "mail"}
    finally:
        living.kill()
        living.wait()


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root is refused by PostgreSQL")
def test_root_runs_postgresql_below_a_closed_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    (closed / "wheel").symlink_to(bindir().parent)
    monkeypatch.setenv("PG_BINDIR", str(closed / "wheel" / "bin"))
    postgres = Postgres(closed / "project" / "postgres")
    postgres.start()
    try:
        assert query(postgres.url("postgres"), "SELECT 1") == [(1,)]
    finally:
        postgres.stop()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
