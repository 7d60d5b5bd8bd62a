"""A warehouse of a test's own, beside the one that runs: its database, and processes of the stand-ins' project."""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from config.standins.companies import COMPANIES, database_variable
from tests.support.workers import ROOT


def empty_warehouse(name: str) -> dict[str, str]:
    """Make an empty database of that name; the environment that has the stand-ins' project use it."""
    server = urlsplit(os.environ["DATABASE_URL"])
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}"')
    connection.close()
    url = urlunsplit(server._replace(path=f"/{name}"))
    return {
        **{database_variable(company): url for company in COMPANIES},
        "DJANGO_SETTINGS_MODULE": "config.standins.settings",
        "WAREHOUSE_STREAM": name,
        "WAREHOUSE_LEASE": "2",
    }


def run(arguments: list[str], environment: dict[str, str]) -> None:
    """A process of the stand-ins' project that must end well."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
