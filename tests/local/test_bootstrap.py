"""What `make setup` shows of pip: how far it is, and its own words only when it fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from config.local.bootstrap import counted, names_in

ROOT = Path(__file__).resolve().parents[2]
PIP = """
print("Collecting django==5.2.19 (from -r requirements.txt (line 9))")
print("  Downloading django-5.2.19-py3-none-any.whl (8.3 MB)")
print("Requirement already satisfied: celery==5.7.0 in ./.venv/lib")
raise SystemExit({code})
"""


@pytest.mark.parametrize("code", [0, 1])
def test_pip_is_a_counter_and_says_more_only_when_it_fails(code, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert counted([sys.executable, "-c", PIP.format(code=code)], 2) == code
    shown = capsys.readouterr()
    assert "1 of 2" in shown.out
    assert "Downloading" not in shown.out
    assert ("Downloading django" in shown.err) == bool(code)


def test_the_packages_of_a_lock_are_counted():
    names = names_in(ROOT / "requirements.txt")
    assert {"django", "celery", "structlog"} <= set(names)
    assert len(names) == len(set(names))
