"""A rival that cannot be had is an error that says why."""

from __future__ import annotations

import sys

import pytest

from tests.bench import environments
from tests.bench.errors import BenchError


def test_a_rival_that_cannot_be_installed_is_an_error_with_the_installers_words(tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "LOCKS", tmp_path)
    monkeypatch.setattr(environments, "MAKE", ("-c", "import sys; sys.exit('no venv here')"))
    (tmp_path / "absurd.txt").write_text("absurd-sdk==0.5.1\n")
    with pytest.raises(BenchError, match="absurd cannot be installed: no venv here"):
        environments.install("absurd", tmp_path / "venvs")
    assert not (tmp_path / "venvs" / "absurd" / ".installed").exists()


def test_our_own_python_is_taken_when_it_is_young_enough():
    assert environments.python_since(sys.version_info[:2], "absurd") == sys.executable


def test_a_younger_python_is_taken_only_when_it_works(tmp_path, monkeypatch):
    broken, old, young = (tmp_path / name for name in ("broken", "old", "young"))
    broken.write_text("#!/bin/sh\necho Python 9.2.0; exit 127\n")
    old.write_text("#!/bin/sh\necho Python 3.11.7\n")
    young.write_text("#!/bin/sh\necho Python 9.1.0\n")
    for one in (broken, old, young):
        one.chmod(0o755)
    monkeypatch.setattr(environments, "pythons", lambda: map(str, (broken, old, young)))
    assert environments.python_since((9, 0), "absurd") == str(young)


def test_a_rival_whose_python_is_not_here_is_an_error_that_says_what_to_do(monkeypatch):
    monkeypatch.setattr(environments, "pythons", lambda: iter(()))
    with pytest.raises(BenchError, match=r"absurd needs Python 9\.0 or later, and none is here: put a python9\.0 on"):
        environments.python_since((9, 0), "absurd")


def test_the_python_of_an_environment_is_told(tmp_path):
    assert environments.python_of(tmp_path) == ""
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.12.1\n")
    assert environments.python_of(tmp_path) == "3.12.1"
