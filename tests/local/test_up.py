"""The whole local stack, started, used, broken and stopped as a person would do it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import requests

from config.local.ports import free_port
from config.local.state_dir import StateDir

from .waiting import environment_without_servers, is_running, offspring, wait_for

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]
ROOT = Path(__file__).resolve().parents[2]
UP = [sys.executable, "-u", "-m", "config.local", "up"]
START = 240.0  # seconds, for a machine that has other things to do
UNDER_A_PARENT = "import subprocess, sys; subprocess.run(sys.argv[1:])"


def heed_ctrl_c() -> None:
    """As in a terminal: a shell ignores SIGINT for what runs in the background, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Stack:
    """A stack of our own in `root`, its output in `root/shown`."""

    def __init__(self, root: Path) -> None:
        self.home = StateDir(root / "home")
        self.shown = root / "shown"
        ports = {variable: str(free_port()) for variable in ("PORT", "FLOWER_PORT", "STANDINS_PORT")}
        self.site = f"http://127.0.0.1:{ports['PORT']}"
        self.environment = environment_without_servers(SETTLE_HOME=str(self.home.root), **ports)

    def start(self, command: list[str] = UP) -> None:
        with self.shown.open("wb") as shown:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment,
                stdout=shown,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=heed_ctrl_c,
            )
        wait_for(lambda: self.process.poll() is not None or "\nReady: " in self.output(), "Ready", seconds=START)
        assert self.process.poll() is None, self.output()
        self.everybody = offspring(self.process.pid)

    def output(self) -> str:
        return self.shown.read_text(errors="replace")

    def url(self, name: str) -> str:
        return self.home.read_env()[name]

    def pid_of(self, words: str) -> int:
        """The first process, in the order of starting, with these words in its command line."""
        for pid in sorted(offspring(self.process.pid)):
            if words in Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode():
                return pid
        raise AssertionError(f"no process for {words!r}")

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        connection = psycopg2.connect(self.url("DATABASE_URL"))
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def everybody_is_gone(self) -> bool:
        return not any(map(is_running, self.everybody))

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = Stack(tmp_path_factory.mktemp("up"))
    running.start()
    yield running
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(30) == 0, "Ctrl-C is an orderly end"
    assert running.everybody_is_gone()


def test_one_line_says_that_it_is_ready_and_the_others_say_where(stack: Stack):
    lines = stack.output().splitlines()
    assert lines.count(f"Ready: {stack.site}") == 1
    after = "\n".join(lines[lines.index(f"Ready: {stack.site}") :])
    for name in ("FLOWER_URL", "STANDINS_URL", "DATABASE_URL", "REDIS_URL"):
        assert stack.url(name) in after
    assert f"{stack.site}/admin/   (log in as operator, password operator)" in after


def test_every_address_answers(stack: Stack):
    health = requests.get(f"{stack.site}/healthz", timeout=10)
    assert (health.status_code, health.json()["status"]) == (200, "ok")
    for url in (stack.site, f"{stack.site}/admin/login/", stack.url("FLOWER_URL"), stack.url("STANDINS_URL")):
        assert requests.get(url, timeout=10).status_code == 200, url


def test_the_operator_can_log_in(stack: Stack):
    with requests.Session() as browser:
        login = f"{stack.site}/admin/login/?next=/admin/"
        browser.get(login, timeout=10)
        form = {"username": "operator", "password": "operator", "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        page = browser.post(login, data=form, headers={"Referer": login}, timeout=10)
        assert page.url == f"{stack.site}/admin/"
        assert page.status_code == 200


def test_flower_sees_both_workers(stack: Stack):
    def seen() -> bool:
        page = requests.get(f"{stack.url('FLOWER_URL')}/workers", timeout=10).text
        return "worker@settle" in page and "relay@settle" in page

    wait_for(seen, "both workers in Flower", seconds=30)


def test_what_carries_orders_holds_bounded_connections_and_the_web_its_own(stack: Stack):
    def holders() -> set[tuple[object, ...]]:
        parts = "('web', 'worker', 'relay', 'consumer', 'beat')"
        return set(
            stack.rows(f"SELECT application_name, usename FROM pg_stat_activity WHERE application_name IN {parts}")
        )

    bounded = {(part, "settle_workers") for part in ("worker", "relay", "consumer")}
    wait_for(lambda: holders() == bounded | {("web", "settle"), ("beat", "settle")}, "each has a session", seconds=30)
    found = stack.rows("SELECT rolconnlimit, rolsuper FROM pg_roles WHERE rolname = 'settle_workers'")
    assert found == [(80, False)]


def test_manage_py_in_a_second_terminal_finds_the_servers(stack: Stack):
    assert stat.S_IMODE(stack.home.env_file.stat().st_mode) == 0o600
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--check"],
        cwd=ROOT,
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_second_make_up_is_refused_with_a_sentence(stack: Stack):
    second = subprocess.run(UP, cwd=ROOT, env=stack.environment, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert f"already running from this folder (process {stack.process.pid}, {stack.site})" in second.stderr


def test_a_worker_that_is_killed_is_started_again(stack: Stack):
    killed = stack.pid_of("-A config worker --hostname worker@settle")
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: "worker ended with code -9; it starts again" in stack.output(), "the line that says so")
    wait_for(lambda: stack.output().count("worker@settle ready") == 2, "the worker is back", seconds=60)


def test_killing_the_launcher_leaves_no_process_behind_and_the_next_start_has_the_data(tmp_path: Path):
    stack = Stack(tmp_path)
    stack.start()
    try:
        stack.rows("UPDATE orders_product SET name = 'Kept' WHERE sku = (SELECT min(sku) FROM orders_product)")
        stack.process.kill()
        stack.process.wait()
        wait_for(stack.everybody_is_gone, "every process is gone", seconds=15)

        stack.start([sys.executable, "-c", UNDER_A_PARENT, *UP, "--stop-with-parent"])
        assert stack.rows("SELECT count(*) FROM orders_product WHERE name = 'Kept'") == [(1,)]
        stack.process.kill()  # as `kill -9` of make itself
        stack.process.wait()
        wait_for(stack.everybody_is_gone, "every process is gone, the launcher too", seconds=20)
        assert not stack.home.env_file.exists(), "stopped in order, not killed"
    finally:
        stack.end()


def test_stopping_takes_seconds_ends_with_0_and_leaves_nothing_behind(tmp_path: Path):
    stack = Stack(tmp_path)
    stack.start()
    try:
        asked = time.monotonic()
        stack.process.terminate()
        assert stack.process.wait(30) == 0, stack.output()
        assert time.monotonic() - asked < 15
        assert stack.everybody_is_gone()
        assert stack.output().rstrip().endswith("Stopped. Your data is kept.")
        assert not stack.home.env_file.exists()
    finally:
        stack.end()
