"""A server process that dies with the process that started it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1


class LocalStackError(Exception):
    """The local stack cannot start; the message says what to do about it."""


def free_port() -> int:
    """A TCP port on the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def die_with_parent(signum: signal.Signals, parent: int | None = None) -> Callable[[], None] | None:
    """A `preexec_fn` that has the kernel send `signum` when the starting thread ends; None off Linux.

    Source: prctl(2), PR_SET_PDEATHSIG. It fires when the *thread* that forked ends, so spawn from the main thread.
    `parent` is the process to watch, when the caller arranges it for itself.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    expected = os.getpid() if parent is None else parent

    def arrange() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(signum))
        if os.getppid() != expected:  # it ended before the call above: nobody will tell us
            os.kill(os.getpid(), signal.SIGKILL)

    return arrange


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
) -> subprocess.Popen[bytes]:
    """Start `command` with both its outputs going to `output`; it dies by `dies_by` when we die.

    It inherits the file descriptors `hand_over`, under the same numbers, and no others.

    It gets a session of its own, so that Ctrl-C in a terminal reaches us alone and we stop everything in order.
    """
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with_parent(dies_by),
        env=environment,
        pass_fds=hand_over,
    )


def stop(process: subprocess.Popen[bytes], signum: signal.Signals, *, patience: float = 10.0) -> None:
    """Ask a process to end with `signum`; kill it when it has not ended after `patience` seconds."""
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
    """Poll `ready` until it holds; raise LocalStackError with the end of the log if the process dies or time is up."""
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


def as_unprivileged(command: Sequence[str | Path], *, dies_by: signal.Signals) -> list[str]:
    """The command as user `nobody` when we are root, who may not run PostgreSQL; unchanged otherwise.

    One capability is kept, CAP_DAC_OVERRIDE, so that the server reaches a project below a home directory of mode 0700
    without anything being copied or opened up. Changing the user clears the parent-death signal: setpriv sets it anew.
    """
    parts = [str(part) for part in command]
    if os.geteuid() != 0:
        return parts
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise LocalStackError(
            "PostgreSQL refuses to run as root, and `setpriv` (util-linux) is not here to change the user. "
            "Run as a normal user, or set DATABASE_URL to a server of your own."
        )
    # no_setuid_fixup: access(2), by which initdb looks for its own files, judges by the real user and would drop it.
    keep = ["--securebits", "+no_setuid_fixup", "--inh-caps", "+dac_override", "--ambient-caps", "+dac_override"]
    user = ["--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    return [setpriv, *user, *keep, "--pdeathsig", signal.Signals(dies_by).name.removeprefix("SIG"), *parts]


NOBODY = 65534


def give_to_nobody(path: Path) -> None:
    """Hand a directory to the unprivileged user when we are root."""
    if os.geteuid() == 0:
        with contextlib.suppress(FileNotFoundError):
            os.chown(path, NOBODY, NOBODY)


def end_left_over(pid_file: Path, *, mark: str, signum: signal.Signals) -> None:
    """End a server of an earlier run that is still there, and remove the file with its process id.

    `mark` is a word of its command line: after a reboot the number may belong to somebody else.
    """
    try:
        pid = int(pid_file.read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    deadline = time.monotonic() + LEFT_OVER_PATIENCE
    with contextlib.suppress(ProcessLookupError):
        while mark in command_line(pid):
            os.kill(pid, signum if time.monotonic() < deadline else signal.SIGKILL)
            time.sleep(0.1)
    pid_file.unlink(missing_ok=True)


LEFT_OVER_PATIENCE = 10.0  # seconds


def command_line(pid: int) -> str:
    """The command line of a process, "" when there is none."""
    if Path("/proc/self/cmdline").exists():  # Linux, where `ps` need not be installed
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    done = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout
