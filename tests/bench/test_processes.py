"""A contender's processes are started, waited for and ended, all of them or some; and what they take is found."""

from __future__ import annotations

import os
import sys
import time

import pytest

from tests.bench.errors import BenchError
from tests.bench.processes import Processes
from tests.bench.usage import family, resident_megabytes, tree_milliseconds

SLEEPS = (sys.executable, "-c", "import time; print('ready.', flush=True); time.sleep(300)")
WAITS = """
import pathlib, sys, time
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.001)
print(time.monotonic(), 'ready.', flush=True)
time.sleep(300)
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
CHILD = "import time; sum(range(3_000_000)); print('ready.', flush=True); time.sleep(300)"


@pytest.fixture
def processes(tmp_path):
    some = Processes(dict(os.environ), tmp_path)
    yield some
    some.stop()


def test_some_are_ended_and_the_others_run_on(processes):
    first, second = processes.start("first", SLEEPS), processes.start("second", SLEEPS)
    processes.wait_ready(["first", "second"])
    processes.stop(["first"])
    assert (first.poll() is None, second.poll() is None) == (False, True)
    assert processes.pids == processes.pids_of(["second"]) == [second.pid]
    processes.check_alive()


def test_the_time_of_the_first_that_is_ready_is_told_once_all_are(processes, tmp_path, monkeypatch):
    go, pause = tmp_path / "go", time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: (go.touch(), pause(seconds)))  # between two looks
    processes.start("first", SLEEPS)
    processes.wait_ready(["first"])
    go.unlink(missing_ok=True)
    second = processes.start("second", (sys.executable, "-c", WAITS, str(go)))
    seen = processes.wait_ready(["second", "first"])
    told = float((processes.logs / "second.log").read_text().split()[0])
    assert seen < told
    assert second.poll() is None


def test_one_that_ends_before_it_is_ready_is_an_error_with_its_last_words(processes):
    processes.start("first", (sys.executable, "-c", "import sys; sys.exit('no database here')"))
    with pytest.raises(BenchError, match="first ended with code 1: no database here"):
        processes.wait_ready(["first"])


def test_the_cpu_of_a_process_counts_what_its_children_take(processes):
    parent = processes.start("parent", (sys.executable, "-c", PARENT, CHILD))
    processes.wait_ready(["parent"])
    found = family(parent.pid)
    assert found[0] == parent.pid
    assert len(found) == 2
    assert tree_milliseconds(parent.pid) >= tree_milliseconds(found[1]) > 0


def test_the_memory_of_a_process_is_told_in_megabytes(processes):
    holds = processes.start("holds", (sys.executable, "-c", f"held = b'x' * (100 << 20); {CHILD}"))
    processes.wait_ready(["holds"])
    assert 100 < resident_megabytes(holds.pid) < 200
