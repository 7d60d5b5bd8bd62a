"""Contenders chosen on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence


def some_of(names: Sequence[str]) -> Callable[[str], list[str]]:
    """Reads `a,b`; a name that is none of `names` is refused with those there are."""

    def read(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := set(chosen) - set(names):
            raise argparse.ArgumentTypeError(
                f"no contender is called {', '.join(sorted(unknown))}; there are {', '.join(names)}"
            )
        return chosen

    return read
