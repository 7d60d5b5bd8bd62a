"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import TransactionTestCase, override_settings

TESTS = Path(__file__).resolve().parent
STACKS = {"bench", "browser", "compose", "contract", "crashes", "faults", "flows", "fuzz", "lift", "local", "twophase"}
"""Rooms whose tests run processes of their own, or hundreds of examples each."""
STARTS = {"programs", "standins_process"}
"""Fixtures that start some."""
KEPT = {"django_migrations", "django_content_type", "auth_permission"}


@pytest.fixture(autouse=True, scope="session")
def quick_flush():
    """After a test that commits, empty the tables with one statement.

    Django's own flush also makes every permission and content type anew, which takes a second a test.
    """
    patch = pytest.MonkeyPatch()
    patch.setattr(TransactionTestCase, "_fixture_teardown", empty_all_tables)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def nothing_known_of_participants():
    """What a test before this one read of the breakers, believed for a second, is gone with its tables."""
    from sagas.participants.lookup import breakers

    breakers.forget()


@pytest.fixture(autouse=True)
def nothing_known_of_the_queue():
    """So is what it read of the queue of runs."""
    from sagas.presentation.queue import queue

    queue.forget()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, None, None]:
    """Keep the shuffled files of a folder together, and mark what starts processes of its own.

    pytest-randomly shuffles files across folders. A fixture of scope "package", such as a whole stack, would then start
    anew for each file.
    """
    folders: dict[Path, int] = {}
    for item in items:
        folders.setdefault(item.path.parent, len(folders))
    items.sort(key=lambda item: folders[item.path.parent])
    for item in items:
        room = item.path.relative_to(TESTS).parts[0]
        if room in STACKS or STARTS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("slow")
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A worker of pytest-xdist can report no half of a surrogate pair, as our tests log: show it as an escape."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


def empty_all_tables(_case: object) -> None:
    tables = sorted(set(connection.introspection.table_names()) - KEPT)
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")


def in_production(collected: Path) -> dict[str, Any]:
    """The settings of static files that were collected there."""
    storage = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    files = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    return {"STATIC_ROOT": collected, "STORAGES": {"default": files, "staticfiles": storage}}


@pytest.fixture(scope="session")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The static files as a deploy collects them."""
    where = tmp_path_factory.mktemp("static")
    with override_settings(**in_production(where)):
        call_command("collectstatic", interactive=False, verbosity=0)
    return where


@pytest.fixture
def production_static(collected: Path, settings: Any) -> None:
    """Pages name the files of production, where one that was not collected is an error."""
    for name, value in in_production(collected).items():
        setattr(settings, name, value)
