"""Starts, watches and stops subprocesses that end when the process that started them ends."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from .errors import LocalStackError

PR_SET_PDEATHSIG = 1
AUTOGROUP = Path("/proc/self/autogroup")
SOON = 0.1  # seconds between two writes to it that the kernel takes from an ordinary user


def die_with_parent(signum: signal.Signals, parent: int | None = None) -> Callable[[], None] | None:
    """A `preexec_fn` by which the kernel sends `signum` when the starting thread ends; None off Linux.

    Source: prctl(2), PR_SET_PDEATHSIG. The signal comes when the *thread* that forked ends: spawn from the main thread.
    `parent` is the process to watch, for a caller that calls the function in itself.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    expected = os.getpid() if parent is None else parent

    def arrange() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(signum))
        if os.getppid() != expected:  # the parent ended before the call above, so no signal will come
            os.kill(os.getpid(), signal.SIGKILL)

    return arrange


def step_back(niceness: int) -> None:
    """Have the kernel prefer others to this process and its children: 0 is usual, 19 the furthest back.

    Where Linux shares the processor between sessions first ("autogroup"), a process's own niceness counts only within
    its session; the session has one of its own. Source: sched(7), "The autogroup feature".
    """
    os.nice(niceness)
    for _ in range(20):
        try:
            if AUTOGROUP.exists():
                AUTOGROUP.write_text(str(niceness))
        except BlockingIOError:
            time.sleep(SOON)
        except OSError:  # a sandbox whose /proc is only to be read: the process's own niceness must do
            return
        else:
            return


def spawn(
    command: Sequence[str | Path], log: Path, *, dies_by: signal.Signals = signal.SIGTERM
) -> subprocess.Popen[bytes]:
    """Start `command` with its output appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return launch(command, output, dies_by=dies_by)


def launch(
    command: Sequence[str | Path],
    output: IO[bytes] | int,
    *,
    dies_by: signal.Signals,
    environment: Mapping[str, str] | None = None,
    hand_over: Sequence[int] = (),
    niceness: int = 0,
) -> subprocess.Popen[bytes]:
    """Start `command` with stdout and stderr going to `output`; it gets the signal `dies_by` when we die.

    It inherits only the file descriptors `hand_over`, under the same numbers. `niceness` is that of `step_back`.

    It gets a session of its own: Ctrl-C in a terminal then reaches only us, and we stop everything in order.
    """
    arrange = die_with_parent(dies_by)

    def prepare() -> None:
        if arrange is not None:
            arrange()
        if niceness:
            step_back(niceness)

    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=prepare,
        env=environment,
        pass_fds=hand_over,
    )


def stop(process: subprocess.Popen[bytes], signum: signal.Signals, *, patience: float = 10.0) -> None:
    """Send `signum` to a process; kill it when it has not ended after `patience` seconds."""
    if process.poll() is not None:
        return
    process.send_signal(signum)
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], *, what: str, log: Path, seconds: float = 60
) -> None:
    """Poll `ready` until it is true. Raises LocalStackError with the log's end when the process dies or time is up."""
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            why = (
                f"ended with code {process.returncode}"
                if process.poll() is not None
                else f"gave no answer in {seconds:.0f} s"
            )
            raise LocalStackError(f"{what} {why}. The end of {log}:\n{tail}")
        time.sleep(0.02)
