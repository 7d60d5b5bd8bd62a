"""The guides of both apps list the modules within their rooms that the walls in pyproject.toml let the shop import."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CONTRACT = "The shop uses only what the guides of sagas and outbox list as public"


def let_through() -> set[str]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [contract] = [one for one in contracts if one["name"] == CONTRACT]
    return {line.partition(" -> ")[2] for line in contract["ignore_imports"]}


@pytest.mark.parametrize("app", ["sagas", "outbox"])
def test_the_guide_lists_what_the_walls_let_through(app):
    guide = (ROOT / app / "README.md").read_text()
    table = guide.partition("## What a project may import")[2].partition("\n| --- | --- |\n")[2]
    listed = set(re.findall(rf"`({app}\.\w+\.\w+)`", table))
    assert listed == {module for module in let_through() if module.startswith(f"{app}.")}
