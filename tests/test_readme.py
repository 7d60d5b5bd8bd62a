"""The README names only what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", README))))
def test_every_test_it_names_exists(name):
    path, _, function = name.partition("::")
    source = (ROOT / path).read_text()
    assert not function or f"def {function}(" in source


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!http)([^)#]+)\)", README))))
def test_every_file_it_links_exists(target):
    assert (ROOT / target).exists()


@pytest.mark.parametrize("variable", sorted(set(re.findall(r"`([A-Z][A-Z_]+_?[A-Z]+)(?:=\w+)?`", README))))
def test_every_variable_it_names_is_read(variable):
    sources = [
        *(ROOT / "config").rglob("*.py"),
        ROOT / "docker-compose.yml",
        ROOT / "Makefile",
        *(ROOT / "sagas").glob("*.py"),
    ]
    bare = variable.removeprefix("SAGAS_")
    assert any(bare in source.read_text() for source in sources)
