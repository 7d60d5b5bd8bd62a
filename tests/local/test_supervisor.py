"""The supervisor: passes on output, starts again what dies, stops everything."""

from __future__ import annotations

import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.local.errors import LocalStackError
from config.local.ports import free_port
from config.local.processes.console import Console
from config.local.processes.stack import LISTENING, Job, Part
from config.local.processes.supervisor import Supervisor

from .waiting import is_running

SLEEP = "import time; time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {SLEEP}"


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    running = Supervisor(Console(["web", "beat"]), {"GREETING": "hello"})
    yield running
    running.kill()


def part(code: str, *, name: str = "web", ready: bool = True) -> Part:
    return Part(name, (sys.executable, "-u", "-c", code), lambda: ready)


def tick_until(supervisor: Supervisor, capsys: pytest.CaptureFixture[str], text: str, seconds: float = 10) -> str:
    shown, deadline = "", time.monotonic() + seconds
    while text not in shown:
        assert time.monotonic() < deadline, f"{text!r} is not in:\n{shown}"
        supervisor.tick(0.05)
        shown += capsys.readouterr().out
    return shown


def test_each_line_stands_behind_the_name_of_its_process(supervisor, capsys):
    supervisor.start(part("import os; print(os.environ['GREETING'], os.environ['SETTLE_PROCESS'])" + f"; {SLEEP}"))
    assert "web  | hello web\n" in tick_until(supervisor, capsys, "hello")


NICE = """
import os
from pathlib import Path
group = Path("/proc/self/autogroup")
print("niceness", os.nice(0), group.read_text().split()[-1] if group.exists() else os.nice(0), flush=True)
"""


def test_the_processor_goes_last_to_a_process_that_steps_back(supervisor, capsys):
    """Its session too: where the kernel shares between sessions first, a process's own niceness changes nothing."""
    supervisor.start(Part("web", (sys.executable, "-u", "-c", NICE + SLEEP), lambda: True, niceness=7))
    assert "web  | niceness 7 7\n" in tick_until(supervisor, capsys, "niceness")
    supervisor.start(Part("beat", (sys.executable, "-u", "-c", NICE + SLEEP), lambda: True))
    assert "beat | niceness 0 0\n" in tick_until(supervisor, capsys, "beat | niceness")


def test_a_process_may_be_told_more_than_the_others(supervisor, capsys):
    code = f"import os; print(os.environ['GREETING']); {SLEEP}"
    supervisor.start(Part("web", (sys.executable, "-u", "-c", code), lambda: True, environment={"GREETING": "psst"}))
    assert "web  | psst\n" in tick_until(supervisor, capsys, "psst")


ANSWERS_ONCE = """
import os, socket, sys
listener = socket.socket(fileno=int(sys.argv[1].removeprefix("fd://")))
print("listens", flush=True)
connection, _ = listener.accept()
connection.sendall(b"hello")
os.kill(os.getpid(), 9)
"""


def test_who_connects_while_a_process_starts_anew_waits_and_is_answered(supervisor, capsys):
    port = free_port()
    supervisor.start(Part("web", (sys.executable, "-u", "-c", ANSWERS_ONCE, LISTENING), lambda: True, port=port))

    def connect() -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout=10)

    with connect() as first:
        assert first.recv(5) == b"hello"
    tick_until(supervisor, capsys, "web ended with code -9")
    with connect() as second:
        tick_until(supervisor, capsys, "listens")
        assert second.recv(5) == b"hello"
    supervisor.stop()
    with pytest.raises(ConnectionRefusedError):
        connect()


def test_a_process_that_dies_is_started_again(supervisor, capsys, tmp_path: Path):
    mark = tmp_path / "ran"
    supervisor.start(
        part(
            f"import os, pathlib; mark = pathlib.Path({str(mark)!r})\n"
            f"if mark.exists(): print('back again'); {SLEEP}\n"
            "mark.touch(); os.kill(os.getpid(), 9)"
        )
    )
    shown = tick_until(supervisor, capsys, "back again")
    assert "web ended with code -9; it starts again in 0.5 s" in shown


def test_a_process_that_keeps_dying_stops_everything_with_a_sentence(supervisor, capsys, monkeypatch):
    monkeypatch.setattr("config.local.processes.process.QUICK_DEATHS", 2)
    supervisor.start(part("raise SystemExit('cannot work here')"))
    with pytest.raises(LocalStackError, match=r"^web ended .* times within seconds of its start"):
        supervisor.wait_until_ready([part(SLEEP, ready=False)], 10)
    assert capsys.readouterr().out.count("web  | cannot work here") == 2


def test_once_all_were_ready_a_process_that_keeps_dying_is_waited_for(supervisor, capsys, monkeypatch):
    monkeypatch.setattr("config.local.processes.process.QUICK_DEATHS", 2)
    monkeypatch.setattr("config.local.processes.process.LONGEST_WAIT", 0.6)
    supervisor.start(part("raise SystemExit('no database')", name="beat"))
    supervisor.wait_until_ready([part(SLEEP)], 10)
    shown = ""
    for _ in range(3):
        shown += tick_until(supervisor, capsys, "beat ended with code 1; it starts again in")
    assert shown.count("starts again in 0.5 s") == 1
    assert shown.count("starts again in 0.6 s") == 2, "the pauses grow, up to LONGEST_WAIT"


def test_a_process_that_will_not_end_is_killed_when_patience_is_out(supervisor, capsys, monkeypatch):
    monkeypatch.setattr("config.local.processes.supervisor.STOP_PATIENCE", 0.5)
    supervisor.start(part(STUBBORN))
    tick_until(supervisor, capsys, "deaf")
    (child,) = supervisor._children
    supervisor.stop()
    assert child.process.returncode == -signal.SIGKILL
    assert not is_running(child.process.pid)


def test_the_last_words_of_a_process_are_shown_when_it_stops(supervisor, capsys):
    supervisor.start(
        part(
            "import signal, sys, time\n"
            "signal.signal(signal.SIGTERM, lambda *_: sys.exit('good bye'))\n"
            "print('here'); time.sleep(600)"
        )
    )
    tick_until(supervisor, capsys, "here")
    supervisor.stop()
    assert "web  | good bye" in capsys.readouterr().out


def test_a_job_that_fails_is_told_with_its_output(supervisor):
    with pytest.raises(LocalStackError, match=r"`python -c .*` ended with code 1:\nno such table"):
        supervisor.run([Job("settle", (sys.executable, "-c", "raise SystemExit('no such table')"))])


def test_what_does_not_answer_in_time_is_named(supervisor):
    quiet, good = part(SLEEP, name="beat", ready=False), part(SLEEP)
    for each in (quiet, good):
        supervisor.start(each)
    with pytest.raises(LocalStackError, match=r"^No answer within 0 s from: beat\."):
        supervisor.wait_until_ready([quiet, good], 0.2)
