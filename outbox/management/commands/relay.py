"""`manage.py relay`: runs relays until SIGTERM, for projects that do not run them by beat."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from outbox.publishing import destinations
from outbox.publishing.destinations import Destination
from outbox.relay.threads import RelayThreads


class Command(BaseCommand):
    help = (
        "Publishes messages until SIGTERM or SIGINT; then finishes and marks its current batch, releases its shards, "
        "and exits with 0. Any number may run, on any machine: they share the work."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--destination",
            action="append",
            metavar="NAME",
            help="relay only to this destination; may be given several times",
        )

    def handle(self, *_args: Any, destination: list[str] | None, **_options: Any) -> None:
        to = _named(destination)
        threads = RelayThreads(to)
        _stop_when_told(threads)
        self.stdout.write(f"Relaying to {', '.join(one.name for one in to)}. SIGTERM or Ctrl-C ends it.")
        threads.run()
        self.stdout.write("Stopped: the current batch is marked, and the shards are free.")


def _named(names: Sequence[str] | None) -> list[Destination]:
    known = {one.name: one for one in destinations.configured()}
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise CommandError(f"No destination is named {', '.join(unknown)}. There are: {', '.join(known)}.")
    return [known[name] for name in dict.fromkeys(names or known)]


def _stop_when_told(threads: RelayThreads) -> None:
    """Stop on SIGTERM and SIGINT.

    The current batch is finished: relays check between two batches, and once a second.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        threads.stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
