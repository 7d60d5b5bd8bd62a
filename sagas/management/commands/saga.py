"""`manage.py saga`: the desk on the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError

from sagas import desk
from sagas.desk import attributes, lookup, selection
from sagas.desk.batches import USUAL_RATE, checked_bulk_verb
from sagas.desk.given import given_values
from sagas.desk.second_person import needs_second_person
from sagas.desk.standing import standings
from sagas.engine.diagnosis import clock
from sagas.errors import SagaError
from sagas.management import schedule_commands
from sagas.models import Run
from sagas.presentation import alert_labels, run_file, text_tables, watch, watch_text
from sagas.presentation.labels import run_badge

WAYS = {
    "result": ("--result", {"metavar": "JSON", "help": "the result of the step; leave it out for an undo"}),
    "changes": ("--input", {"metavar": "JSON", "required": True, "help": "the fields that change, as a JSON object"}),
    "ended": ("--ended", {"choices": ["completed", "compensated"], "required": True, "help": "how it ended"}),
    "assignee": ("--to", {"metavar": "USERNAME", "required": True, "help": "an operator's user name; '' is nobody"}),
    "until": ("--until", {"metavar": "TIME", "required": True, "help": "such as 2026-03-04T09:00; '' ends the snooze"}),
    "due": ("--until", {"metavar": "TIME", "required": True, "help": "such as 2026-12-24T08:00"}),
    "form": ("--form", {"metavar": "JSON", "required": True, "help": "what is filled in, as a JSON object"}),
    "to": ("--to", {"metavar": "STEP", "required": True, "help": "the step from which on it runs again"}),
    "from_step": ("--from", {"metavar": "STEP", "required": True, "help": "the first step that is carried out again"}),
    "key": ("--key", {"metavar": "KEY", "default": "", "help": "the new run's key; by default the old one's.again"}),
    "confirm": ("--confirm", {"metavar": "STEPS", "default": "", "help": "whose effects may be doubled: pay,deliver"}),
    "version": ("--to", {"type": int, "metavar": "VERSION", "required": True, "help": "the newer version"}),
}
"""The option for what a verb takes beside its reason."""
ALARM, CANNOT_TELL = 1, 2
PROGRESS = 50
"""After how many runs a bulk act prints its progress."""


class Command(BaseCommand):
    help = "Lists and shows saga runs, and acts on them. Every act needs a reason and is recorded."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
        for verb in desk.VERBS.values():
            _add_verb(commands.add_parser(_written(verb.name), help=verb.title, description=verb.explains), verb)
        for answer, words in {"confirm": "Do what another proposed", "reject": "Reject a proposal"}.items():
            parsed = commands.add_parser(answer, help=words, description=f"{words}, where two people are needed.")
            parsed.add_argument("proposal", type=int, help="its number, printed when it was proposed")
            parsed.add_argument("--reason", required=True, help="why; it is recorded")
            parsed.add_argument("--as", metavar="USERNAME", required=True, help="the user who acts")
        listing = commands.add_parser("list", help="List runs", description="Lists runs, the newest first.")
        for name in selection.FILTER_FIELDS:
            listing.add_argument(f"--{name}", default="", help=f"as in {name}=…")
        listing.add_argument("--where", metavar="FILTER", default="", help=f"attributes, such as {attributes.EXAMPLE}")
        listing.add_argument("--limit", type=int, default=50)
        status = commands.add_parser(
            "status",
            help="Say who works and what stands still",
            description="Exit code 0: all is well, 1: a person must act, 2: the database does not answer.",
        )
        status.add_argument("--json", action="store_true", help="print it as JSON")
        show = commands.add_parser(
            "show", help="Show a run", description="Shows the facts, steps, attempts and acts of a run."
        )
        show.add_argument("run", help="its id, or <saga>:<key>")
        schedule_commands.add_arguments(commands)
        export = commands.add_parser(
            "export", help="Print a run as JSON", description="Prints all of a run as JSON, with secrets hidden."
        )
        export.add_argument("run", help="its id, or <saga>:<key>")

    def handle(self, *_args: Any, command: str, **given: Any) -> None:
        try:
            if command == "list":
                self._list(given)
            elif command == "status":
                self._status(as_json=given["json"])
            elif command == "show":
                self._lines(text_tables.run_lines(lookup.run_named(given["run"]), clock()))
            elif command == "export":
                self.stdout.write(run_file.text_of(lookup.run_named(given["run"])))
            elif command == "schedules":
                self._lines(schedule_commands.carry_out(given))
            elif command in ("confirm", "reject"):
                self._answer(command, given)
            else:
                self._act(desk.VERBS[command.replace("-", "_")], given)
        except SagaError as error:
            raise CommandError(str(error)) from error

    def _list(self, given: dict[str, Any]) -> None:
        written = ",".join(f"{name}={given[name]}" for name in selection.FILTER_FIELDS if given[name])
        if given["where"]:
            written = f"{written or 'status=all'},{given['where']}"
        self._lines(text_tables.run_table(selection.parse_filter(written or "status=open"), clock(), given["limit"]))

    def _status(self, *, as_json: bool) -> None:
        try:
            now = watch.read()
            waiting = [f"{'share':<26} {one}" for one in standings()]
        except (DatabaseError, InterfaceError) as error:
            self.stderr.write(f"The database does not answer, so nobody can tell: {error}".strip())
            sys.exit(CANNOT_TELL)
        text = [*watch_text.lines(now), *waiting, *alert_labels.lines(clock())]
        self._lines([json.dumps(watch_text.as_json(now), indent=2)] if as_json else text)
        if now.is_bad:
            sys.exit(ALARM)

    def _act(self, verb: desk.Verb, given: dict[str, Any]) -> None:
        where = given.get("where")
        if (given["run"] is None) == (where is None):
            raise CommandError("Say which: a run, or --where with a filter.")
        actor, taken = lookup.acting_user(given["as"], verb), _taken(verb, given)
        if where is None:
            self._one(verb, lookup.run_named(given["run"]), actor, taken | {"reason": given["reason"]})
        else:
            self._bulk(verb, selection.parse_filter(where), actor, taken, given)

    def _one(self, verb: desk.Verb, run: Run, actor: desk.Actor, given: dict[str, Any]) -> None:
        if needs_second_person(verb.name):
            return self._propose(verb, run, actor, given)
        try:
            made = verb.do(run.pk, actor=actor, **given)
        except desk.SecondPersonNeeded:  # for what was given
            return self._propose(verb, run, actor, given)
        run.refresh_from_db()
        self.stdout.write(f"{verb.title}: done and recorded. {run} is {run_badge(run).text}.")
        if made is not None:
            self.stdout.write(f"The new run: {made}")
        return None

    def _propose(self, verb: desk.Verb, run: Run, actor: desk.Actor, given: dict[str, Any]) -> None:
        proposal = desk.propose(verb.name, run.pk, actor=actor, **given)
        if differs := proposal.after.get("differs"):
            self.stdout.write(f"It differs from what is expected: {differs}.")
        self.stdout.write(f"{verb.title}: proposed. Somebody else confirms it: saga confirm {proposal.pk}")

    def _answer(self, command: str, given: dict[str, Any]) -> None:
        actor = lookup.acting_user(given["as"], lookup.proposed_verb(given["proposal"]))
        do = desk.confirm if command == "confirm" else desk.reject
        do(given["proposal"], actor=actor, reason=given["reason"])
        self.stdout.write(f"{command.capitalize()}ed and recorded.")

    def _bulk(
        self, verb: desk.Verb, chosen: desk.Filter, actor: desk.Actor, taken: dict[str, Any], given: dict[str, Any]
    ) -> None:
        checked_bulk_verb(verb.name, given["reason"], given["rate"])
        self._lines(text_tables.group_table(chosen))
        total = selection.matching(chosen).count()
        if given["dry_run"] or not total:
            return
        if not given["yes"] and not _agreed(f"{verb.title}: {total} runs, {given['rate']:g} a second? [y/N] "):
            raise CommandError("Nothing was done.")
        outcomes = desk.bulk(verb.name, chosen, actor=actor, reason=given["reason"], rate=given["rate"], **taken)
        self._follow(outcomes, total)

    def _follow(self, outcomes: Iterable[desk.Outcome], total: int) -> None:
        done = skipped = 0
        try:
            for outcome in outcomes:
                done, skipped = done + (not outcome.skipped), skipped + bool(outcome.skipped)
                if outcome.skipped:
                    self.stdout.write(f"Skipped {outcome.title}: {outcome.skipped}")
                if (done + skipped) % PROGRESS == 0:
                    self.stdout.write(f"{done + skipped} of {total}")
        except KeyboardInterrupt:
            self.stdout.write(f"Stopped. Done {done}, skipped {skipped}, left {max(0, total - done - skipped)}.")
            sys.exit(130)
        self.stdout.write(f"Done {done}, skipped {skipped}.")

    def _lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.stdout.write(line)


def _add_verb(parser: Any, verb: desk.Verb) -> None:
    parser.add_argument("run", nargs="?", help="its id, or <saga>:<key>")
    parser.add_argument("--reason", required=True, help="why; it is recorded")
    parser.add_argument("--as", metavar="USERNAME", help="the user who acts; by default the operating system's user")
    for name in filter(None, [verb.takes, *verb.also]):
        flag, options = WAYS[name]
        parser.add_argument(flag, dest=name, **options)
    if verb.many:
        parser.add_argument("--where", metavar="FILTER", help="status=stuck,saga=…,step=…,amount>=100 instead of a run")
        parser.add_argument("--rate", type=float, default=USUAL_RATE, help=f"runs a second (default {USUAL_RATE:g})")
        parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
        parser.add_argument("--dry-run", action="store_true", help="only print how many match")


def _taken(verb: desk.Verb, given: dict[str, Any]) -> dict[str, Any]:
    """The arguments that the verb takes beside its reason, JSON parsed; empty when it takes none."""
    if not verb.takes:
        return {}
    value = given[verb.takes]
    if verb.takes in ("result", "changes", "form") and value is not None:
        try:
            value = given_values.parse(value)
        except desk.DoesNotFit as error:
            raise CommandError(f"{WAYS[verb.takes][0]}: {error}") from error
    return {
        verb.takes: value,
        **{name: _split(given[name]) if name == "confirm" else given[name] for name in verb.also},
    }


def _split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def _agreed(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        raise CommandError("Nothing was done: nobody is there to answer. Add --yes.") from None


def _written(name: str) -> str:
    return name.replace("_", "-")
