"""The two distributions hold what git tracks, and say of themselves what is so."""

from __future__ import annotations

import subprocess
import tomllib
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests.lift import wheels
from tests.support.workers import ROOT

pytestmark = pytest.mark.timeout(600)
ABOUT = {"LICENSE", "pyproject.toml"}
"""They describe the distribution: its metadata say what is in them."""


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the build's backend."""
    return wheels.environment(tmp_path_factory.mktemp("build") / "venv", "build")


@pytest.fixture(scope="session", params=wheels.APPS)
def app(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def wheel(app: str, builder: Path, tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    return ZipFile(wheels.build(builder, ROOT / app, tmp_path_factory.mktemp(app), "wheel"))


def tracked(app: str) -> set[str]:
    """What git tracks, or would with the next commit."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", app]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return {name for name in found if (ROOT / name).exists()} - {f"{app}/{name}" for name in ABOUT}


def packed(wheel: ZipFile) -> set[str]:
    return {name for name in wheel.namelist() if ".dist-info/" not in name}


def metadata(wheel: ZipFile, app: str) -> Message:
    return Parser().parsestr(wheel.read(f"settle_{app}-{version('.')}.dist-info/METADATA").decode())


def declared(folder: str) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
    return project


def version(folder: str) -> str:
    return str(declared(folder)["version"])


def test_a_wheel_holds_what_git_tracks_and_nothing_else(app: str, wheel: ZipFile) -> None:
    assert packed(wheel) == tracked(app)
    kinds = {Path(name).suffix for name in packed(wheel)}
    assert {".html", ".typed", ".py", ".md"} <= kinds
    assert any("/migrations/0001" in name for name in packed(wheel))
    assert any("/management/commands/" in name for name in packed(wheel))
    assert any("/static/" in name for name in packed(wheel)) == (ROOT / app / "static").exists()


def test_the_wheel_of_a_source_distribution_is_the_same(
    app: str, wheel: ZipFile, builder: Path, tmp_path: Path
) -> None:
    sdist = wheels.build(builder, ROOT / app, tmp_path, "sdist")
    again = wheels.build(builder, wheels.unpacked(sdist, tmp_path), tmp_path, "wheel")
    assert packed(ZipFile(again)) == packed(wheel)


def test_a_build_leaves_nothing_in_the_folder(app: str, wheel: ZipFile) -> None:
    assert not [*(ROOT / app).glob("build"), *(ROOT / app).glob("dist"), *(ROOT / app).glob("*.egg-info")]


def test_the_metadata_say_what_it_is(app: str, wheel: ZipFile) -> None:
    said = metadata(wheel, app)
    assert (said["Name"], said["Version"]) == (f"settle-{app}", version("."))
    assert said["License-Expression"] == "BSD-3-Clause"
    assert said.get_all("Provides-Extra") == ["metrics", "rabbitmq", "redis", "telemetry"]
    assert said["Requires-Python"] == ">=3.11"
    assert "Typing :: Typed" in said.get_all("Classifier", [])
    assert str(said.get_payload()).strip() == (ROOT / app / "README.md").read_text().strip()
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_both_are_of_one_version_and_one_licence() -> None:
    assert {version(app) for app in wheels.APPS} == {version(".")}
    assert f"settle-outbox=={version('.')}" in declared("sagas")["dependencies"]
    assert {(ROOT / app / "LICENSE").read_text() for app in wheels.APPS} == {(ROOT / "LICENSE").read_text()}
    assert f"\n## {version('.')} – 2" in (ROOT / "CHANGELOG.md").read_text(), "the version has its date"
