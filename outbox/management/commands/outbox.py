"""`manage.py outbox status`: how the outbox stands, with an exit code for alarms."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from outbox import health


class Command(BaseCommand):
    help = "Shows the age of the oldest unpublished message, the depth, overdue deliveries and dead letters."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["status"])
        parser.add_argument(
            "--max-age",
            type=float,
            default=60,
            metavar="SECONDS",
            help="exit with 1 when a message waits longer (default 60)",
        )

    def handle(self, *_args: Any, max_age: float, **_options: Any) -> None:
        now = health.status()
        age = timedelta(0) if now.oldest is None else now.oldest
        self.stdout.write(f"oldest unpublished   {age.total_seconds():.1f} s")
        self.stdout.write(f"unpublished          {health.bounded(now.unpublished)}")
        self.stdout.write(f"overdue deliveries   {health.bounded(now.overdue)}")
        self.stdout.write(f"dead letters         {health.bounded(now.dead)}")
        if age > timedelta(seconds=max_age):
            self.stderr.write(
                f"A message has waited {age.total_seconds():.1f} s; at most {max_age:g} s is healthy. "
                "Do beat and a worker run?"
            )
            sys.exit(1)
        if now.dead:
            self.stderr.write("Messages were given up: look at the dead letters in the admin, mend the cause, requeue.")
            sys.exit(1)
