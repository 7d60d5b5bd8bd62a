"""Writes to the terminal: the launcher's own lines, and each process's lines with its name in front."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from itertools import cycle

COLOURS = ("36", "32", "33", "35", "34", "96", "92")


class Console:
    """Writes whole lines at once. Uses colours only on a terminal, and not with NO_COLOR (no-color.org)."""

    def __init__(self, names: Iterable[str]) -> None:
        self._width = max(len(name) for name in names)
        self._colours = dict(zip(names, cycle(COLOURS), strict=False))
        self._coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def say(self, text: str) -> None:
        """A line of the launcher's own."""
        self._write(text)

    def log(self, name: str, line: str) -> None:
        """A line of a process."""
        prefix = f"{name:<{self._width}} |"
        if self._coloured:
            prefix = f"\033[{self._colours.get(name, '37')}m{prefix}\033[0m"
        self._write(f"{prefix} {line}")

    def _write(self, text: str) -> None:
        try:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
        except BrokenPipeError:  # `make up | head`: the reader has ended, the stack goes on
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
