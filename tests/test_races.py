"""The table of races names only tests that exist, and names every one of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "tests" / "concurrency"
TABLE = (ROOT / "docs" / "races.md").read_text()
NAMED = re.findall(r"`([\w/]*\.py)?(?:::(\w+))?`", TABLE)


def named() -> list[tuple[str, str]]:
    """Each file and function of the table; a function without a file is of the file named before it."""
    found, file = [], ""
    for path, function in NAMED:
        file = path or file
        if function:
            found.append((file, function))
    return found


@pytest.mark.parametrize(("file", "function"), named())
def test_every_test_it_names_exists(file: str, function: str) -> None:
    path = ROOT / file if "/" in file else HERE / file
    assert f"def {function}(" in path.read_text()


@pytest.mark.parametrize("file", ["test_cancelling.py", "test_operators.py"])
def test_it_names_every_race_of(file: str) -> None:
    written = set(re.findall(r"^def (test_\w+)\(", (HERE / file).read_text(), re.MULTILINE))
    assert written == {function for where, function in named() if where == file}
