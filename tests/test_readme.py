"""README and docs/ name only variables that are read; what else it names: `test_documents.py`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = "".join(path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("variable", sorted(set(re.findall(r"`([A-Z][A-Z_]+_?[A-Z]+)(?:=\w+)?`", README))))
def test_every_variable_it_names_is_read(variable):
    sources = [
        *(ROOT / "config").rglob("*.py"),
        ROOT / "docker-compose.yml",
        ROOT / "Makefile",
        *(ROOT / "sagas").rglob("*.py"),
        *(ROOT / "outbox").rglob("*.py"),
        *(ROOT / "tests" / "contract").rglob("*.py"),
    ]
    bare = variable.removeprefix("SAGAS_").removeprefix("OUTBOX_")
    assert any(bare in source.read_text() for source in sources)
