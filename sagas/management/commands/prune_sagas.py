"""`manage.py prune_sagas --older-than 90d`: deletes runs that ended long ago; `--dry-run` only counts them."""

from __future__ import annotations

import argparse
import re
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from outbox.messages.durations import say
from sagas.maintenance.prune import count_runs, prune_runs
from sagas.settings import saga_settings

UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1), "s": timedelta(seconds=1)}


class Command(BaseCommand):
    help = "Removes saga runs that ended longer ago than SAGAS_KEEP_FINISHED. Open and stuck runs are never removed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than", type=_age, metavar="AGE", help="such as 90d or 12h, in place of the setting"
        )
        parser.add_argument("--dry-run", action="store_true", help="only print how many there are")

    def handle(self, *_args: Any, older_than: timedelta | None, dry_run: bool, **_options: Any) -> None:
        keep = older_than if older_than is not None else saga_settings.KEEP_FINISHED
        if keep is None:
            self.stdout.write("SAGAS_KEEP_FINISHED is None: runs are kept for ever. Give --older-than to remove some.")
            return
        runs, verb = (count_runs(keep), "Would remove") if dry_run else (prune_runs(keep), "Removed")
        self.stdout.write(f"{verb} {runs} {'run' if runs == 1 else 'runs'} that ended more than {say(keep)} ago.")


def _age(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,6})([dhms])", text)
    if found is None or int(found[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no age; give a number above zero with d, h, m or s, such as 90d")
    return int(found[1]) * UNITS[found[2]]
