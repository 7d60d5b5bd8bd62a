"""The code of another commit is laid beside the present one."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.bench.before import checkout
from tests.bench.errors import BenchError


@pytest.fixture
def repository(tmp_path):
    """Two commits: `file` says "old" as of the tag `first`, and "new" now."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "--quiet")
    for words in ("old", "new"):
        (root / "file").write_text(words)
        git(root, "add", "file")
        git(root, "-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "--quiet", "--message", words)
    git(root, "tag", "first", "HEAD~1")
    return root


def git(root, *words):
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def test_the_named_commit_is_laid_in_a_folder_of_its_own(repository, tmp_path):
    build = checkout("first", tmp_path, repository)
    assert (build.root / "file").read_text() == "old"
    assert build.root.parent == tmp_path
    assert build.commit == git(repository, "rev-parse", "first")
    assert (repository / "file").read_text() == "new"


def test_it_is_laid_once_and_again_when_it_was_removed(repository, tmp_path):
    build = checkout("first", tmp_path, repository)
    (build.root / "mark").touch()
    assert checkout("first", tmp_path, repository) == build
    assert (build.root / "mark").exists()
    shutil.rmtree(build.root)
    checkout("first", tmp_path, repository)
    assert (build.root / "file").read_text() == "old"


def test_a_commit_that_there_is_not_is_an_error_that_names_it(repository, tmp_path):
    with pytest.raises(BenchError, match="--before nothing: this repository has no such commit"):
        checkout("nothing", tmp_path, repository)
