"""What a project on another database is told, before its tables are made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.workers import ROOT

PROJECT = """
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "outbox", "sagas"],
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": {path!r}}}}},
)
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "migrate"])
"""


def test_migrate_on_sqlite_says_that_it_is_the_wrong_database(tmp_path: Path) -> None:
    script = PROJECT.format(path=str(tmp_path / "db"))
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    told = "The outbox and the sagas need PostgreSQL, 14 or later, and DATABASES['default'] is sqlite."
    assert told in done.stderr
    assert "Traceback" not in done.stderr
