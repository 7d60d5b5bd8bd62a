"""`python -m config.local.seed shop|standins`: migrates the databases and loads local data.

One process does both, because loading Django a second time takes longer than the work.
"""

from __future__ import annotations

import os
import sys

import django
from django.core.management import call_command


def shop() -> None:
    """The shop's tables, its catalogue, the operator's account."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()
    call_command("migrate", verbosity=0)
    call_command("load_local")


def standins() -> None:
    """The stand-ins' tables in their own databases, and the warehouse's stock."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.standins.settings"
    django.setup()
    from config.standins import __main__ as project  # its models need the line above

    project.migrate()
    project.seed()


if __name__ == "__main__":
    {"shop": shop, "standins": standins}[sys.argv[1]]()
