"""A real RabbitMQ of the tests' own: its own node, cookie, data and port mapper; it works for root, too."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from config.local.ports import free_port
from config.local.subprocesses import launch, stop, wait_until

MISSING = "no rabbitmq-server here: `apt-get install --no-install-recommends rabbitmq-server`, then run this again"
PLACES = ("/usr/lib/rabbitmq/bin", "/opt/rabbitmq/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
"""Debian's own script in /usr/sbin runs as the system's user, and on the system's data, whatever the environment."""


def binary() -> str | None:
    """Where the server's script is; None when there is none."""
    found = shutil.which("rabbitmq-server", path=os.pathsep.join(PLACES)) or shutil.which("rabbitmq-server")
    return found if shutil.which("epmd") else None


class RabbitMQ:
    """One broker on a free loopback port."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home / "log"
        self.port, self._mapper_port, self._inner_port = free_port(), free_port(), free_port()
        self._processes: list[subprocess.Popen[bytes]] = []

    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def start(self) -> None:
        """Start, and return when it listens."""
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "enabled_plugins").write_text("[].")
        (self.home / "rabbitmq.conf").write_text(
            "disk_free_limit.absolute = 1MB\nvm_memory_high_watermark.relative = 0.8\n"
        )
        found = binary()
        assert found is not None, MISSING
        mapper = [str(shutil.which("epmd")), "-port", str(self._mapper_port), "-address", "127.0.0.1"]
        self._launch(mapper)
        self._launch([found])
        wait_until(self._listens, self.process, what="RabbitMQ", log=self.log)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The Erlang machine itself: the script replaces itself by it."""
        return self._processes[-1]

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Start again after `kill`, on the same data and port."""
        found = self._processes.pop()
        assert found.poll() is not None
        self._launch([str(binary())])
        wait_until(self._listens, self.process, what="RabbitMQ", log=self.log)

    def stop(self) -> None:
        while self._processes:
            stop(self._processes.pop(), signal.SIGKILL)

    def _launch(self, command: list[str]) -> None:
        with self.log.open("ab") as output:
            started = launch(command, output, dies_by=signal.SIGKILL, environment={**os.environ, **self._environment()})
        self._processes.append(started)

    def _environment(self) -> dict[str, str]:
        home = str(self.home)
        return {
            "HOME": home,  # the Erlang cookie
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"settle-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._inner_port),
            "RABBITMQ_MNESIA_BASE": f"{home}/mnesia",
            "RABBITMQ_LOG_BASE": home,
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq.conf",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{home}/generated",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/enabled_plugins",
            "RABBITMQ_ALLOW_INPUT": "1",  # no shell stays between us and the machine
            "RABBITMQ_SERVER_START_ARGS": "-noinput",
        }

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
