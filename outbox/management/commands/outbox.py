"""`manage.py outbox`: prints the status, with an exit code for alarms; acts on held keys, pauses and dead letters."""

from __future__ import annotations

import getpass
import json
import sys
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError

from outbox import sql
from outbox.errors import OutboxError
from outbox.heartbeats.duties import DUTIES
from outbox.models import Hold
from outbox.monitoring import health
from outbox.monitoring.text_report import held_line, lines
from outbox.operations import bulk_requeue, held_keys, pauses
from outbox.operations.audit import Actor

ALARM, CANNOT_TELL = 1, 2


class Command(BaseCommand):
    help = "Prints the outbox's status, and lets an operator act. Every act is recorded."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        status = commands.add_parser(
            "status", help="Print the status; exit code 0: healthy, 1: alarm, 2: the database does not answer"
        )
        status.add_argument(
            "--max-age",
            type=float,
            metavar="SECONDS",
            help="limit for the oldest message, in place of each destination's own",
        )
        status.add_argument("--json", action="store_true", help="print figures and alarms as JSON")
        listing = commands.add_parser("holds", help="List the keys that wait because their first message failed")
        listing.add_argument("destination", nargs="?", help="only keys of this destination")
        for name, words in {
            "retry": "Try the first message of a held key now",
            "skip": "Continue without the first message of a held key: it becomes a dead letter",
            "requeue": "Put a message that was given up back in its place, and release its key",
        }.items():
            act = commands.add_parser(name, help=words)
            act.add_argument("destination")
            act.add_argument("key")
            _who_and_why(act, required=name == "skip")
        for name, words in {"pause": "Stop publishing to a destination", "resume": "Publish to it again"}.items():
            act = commands.add_parser(name, help=words)
            act.add_argument("destination")
            act.add_argument(
                "--shard", type=int, action="append", metavar="N", help="only this shard; may be given several times"
            )
            _who_and_why(act, required=True)
        forget = commands.add_parser("forget", help="Stop expecting a consumer, or a worker, that will not run again")
        forget.add_argument("duty", help="its name in `status`, such as 'consume orders/billing', or the worker's")
        commands.add_parser("stop-requeue", help="Cancel the scheduled requeues of dead letters")

    def handle(self, *_args: Any, command: str, **given: Any) -> None:
        if command == "status":
            self._status(given["max_age"], as_json=given["json"])
            return
        try:
            self._act(command, given)
        except OutboxError as error:
            raise CommandError(str(error)) from error

    def _status(self, max_age: float | None, *, as_json: bool) -> None:
        try:
            now = health.status(None if max_age is None else timedelta(seconds=max_age))
            figures = {"destinations": health.figures(), **health.duties(now.duty_report)} if as_json else {}
        except (DatabaseError, InterfaceError) as error:
            self.stderr.write(f"The database does not answer, so the status is unknown: {error}".strip())
            sys.exit(CANNOT_TELL)
        if as_json:
            self.stdout.write(json.dumps({**figures, "alarms": now.alarms}, indent=2))
        else:
            self.stdout.write("\n".join(lines(now)))
        for alarm in now.alarms:
            self.stderr.write(alarm)
        if now.alarms:
            sys.exit(ALARM)

    def _act(self, command: str, given: dict[str, Any]) -> None:
        destination: str = given.get("destination") or ""
        if command == "holds":
            self._holds(destination)
        elif command == "forget":
            self._forget(given["duty"])
        elif command == "stop-requeue":
            self.stdout.write(f"{bulk_requeue.stop()} dead letters stay where they are.")
        elif command in ("pause", "resume"):
            done = getattr(pauses, command)(destination, given["shard"], actor=_actor(given), reason=given["reason"])
            self.stdout.write(f"{done} shards of {destination} {command}d.")
        else:
            getattr(held_keys, command)(destination, given["key"], actor=_actor(given), reason=given["reason"])
            self.stdout.write(f"{given['key']} to {destination}: {command} done.")

    def _forget(self, duty: str) -> None:
        if duty in DUTIES:
            raise CommandError(
                f"{duty} is a duty of this project. To switch its alarm off, set OUTBOX_HEALTHY = {{{duty!r}: None}}."
            )
        if not sql.forget_duty(duty) and not sql.forget_worker(duty):
            raise CommandError(f"No duty is named {duty}, nor a worker: `manage.py outbox status` lists the duties.")
        self.stdout.write(f"{duty} is no longer expected, until it runs again.")

    def _holds(self, destination: str) -> None:
        found = list(Hold.objects.filter(**({"destination": destination} if destination else {})).order_by("since"))
        depths = held_keys.behind(found)
        for hold in found:
            self.stdout.write(held_line(hold, depths[hold.pk]))
        if not found:
            self.stdout.write("No key is held.")


def _who_and_why(parser: Any, *, required: bool) -> None:
    parser.add_argument("--reason", required=required, default="", help="why; it is recorded")
    parser.add_argument("--as", metavar="USERNAME", default="", help="the user who acts, for the admin's log")


def _actor(given: dict[str, Any]) -> Actor:
    if not given["as"]:
        return f"{getpass.getuser()} on the command line"
    users = get_user_model()
    found = users.objects.filter(**{users.USERNAME_FIELD: given["as"]}).first()
    if found is None:
        raise CommandError(f"No user is named {given['as']}.")
    return found
