"""The three ports that people type into a browser. Every other process gets a free port."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from .errors import LocalStackError

BACKLOG = 512  # connections that wait while no process accepts them
DEFAULTS = {"PORT": 8000, "FLOWER_PORT": 5555, "STANDINS_PORT": 8100}


@dataclass(frozen=True)
class Ports:
    site: int
    flower: int
    standins: int

    @classmethod
    def chosen(cls) -> Ports:
        """The ports of PORT, FLOWER_PORT and STANDINS_PORT. Raises LocalStackError when one cannot be used."""
        numbers = {variable: _number(variable) for variable in DEFAULTS}
        for variable, number in numbers.items():
            same = [other for other, value in numbers.items() if value == number and other != variable]
            if same:
                raise LocalStackError(f"{variable} and {same[0]} are both {number}. Set one of them to another port.")
            _must_be_free(variable, number)
        return cls(numbers["PORT"], numbers["FLOWER_PORT"], numbers["STANDINS_PORT"])


def _number(variable: str) -> int:
    text = os.environ.get(variable) or str(DEFAULTS[variable])
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise LocalStackError(f"{variable}={text} is not a port. Set it to a number from 1 to 65535.")
    return int(text)


def _must_be_free(variable: str, number: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: a closed socket may linger
        try:
            probe.bind(("127.0.0.1", number))
        except PermissionError:
            reason = "may not be used by you"
        except OSError:
            reason = "is taken by another program"
        else:
            return
    raise LocalStackError(f"Port {number} {reason}. Choose another one, for example: make up {variable}={number + 1}")


def listening(number: int) -> socket.socket:
    """A socket that listens on the port. Raises LocalStackError when the port is taken."""
    _must_be_free("PORT", number)
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", number))
    held.listen(BACKLOG)
    return held


def free_port() -> int:
    """A TCP port on the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
