"""`manage.py consume`: reads another service's Redis Stream and handles its events, until SIGTERM."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from datetime import timedelta
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandError, CommandParser

from outbox.streams.consumer import Consumer
from outbox.streams.lag import GroupLag, read_lag


class Command(BaseCommand):
    help = (
        "Reads a Redis Stream of CloudEvents as a member of a consumer group, and hands each event to its subscribers."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--stream", required=True)
        parser.add_argument("--group", required=True, help="each group gets every event once")
        parser.add_argument(
            "--consumer",
            default=socket.gethostname(),
            help="this process's name within the group, the same after a restart (default: the host's)",
        )
        parser.add_argument("--at-once", type=int, default=100, help="entries read at a time (default 100)")
        parser.add_argument(
            "--min-idle",
            type=float,
            default=60,
            metavar="SECONDS",
            help="claim another consumer's entry after it was idle for so long (default 60)",
        )
        parser.add_argument(
            "--only", action="append", metavar="PATTERN", help="event types to take, such as orders.*; repeatable"
        )
        parser.add_argument("--url", help="a redis:// address (default OUTBOX_REDIS_URL)")
        parser.add_argument("--status", action="store_true", help="print how far the group is behind, and read nothing")
        parser.add_argument(
            "--max-age",
            type=float,
            default=60,
            metavar="SECONDS",
            help="with --status: exit with 1 when an entry waits longer (default 60)",
        )

    def handle(self, *_args: Any, **given: Any) -> None:
        if given["at_once"] < 1 or given["min_idle"] <= 0:
            raise CommandError("Give --at-once of 1 or more, and --min-idle above zero.")
        try:
            if given["status"]:
                self._status(read_lag(given["stream"], given["group"], given["url"]), given["max_age"])
            else:
                self._consume(given)
        except (ValueError, redis.RedisError) as error:
            raise CommandError(str(error)) from error

    def _consume(self, given: dict[str, Any]) -> None:
        consumer = Consumer(
            **{"stream": given["stream"], "group": given["group"], "name": given["consumer"], "url": given["url"]},
            at_once=given["at_once"],
            min_idle=timedelta(seconds=given["min_idle"]),
            only=given["only"] or ("*",),
        )
        stop = threading.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: stop.set())
        self.stdout.write(f"Reading {consumer.stream} as {consumer.name} of {consumer.group}")
        consumer.run(stop)

    def _status(self, found: GroupLag | None, most: float) -> None:
        if found is None:
            raise CommandError("There is no such group: has a consumer of it ever run?")
        age = (found.oldest or timedelta(0)).total_seconds()
        self.stdout.write(f"not read yet         {'unknown' if found.unread is None else found.unread}")
        self.stdout.write(f"in hand              {found.in_hand}")
        self.stdout.write(f"oldest of both       {age:.1f} s")
        if age > most:
            self.stderr.write(f"An event has waited {age:.1f} s; at most {most:g} s is healthy. Does a consumer run?")
            sys.exit(1)
