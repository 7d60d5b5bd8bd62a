"""`manage.py saga schedules`: schedules on the command line."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from sagas.desk.acts import Actor, DoesNotFit, Person
from sagas.engine.diagnosis import clock
from sagas.presentation import schedule_labels
from sagas.presentation.text_tables import table
from sagas.schedules.backfill import preview
from sagas.schedules.verbs import VERBS, ScheduleVerb

TICKS = 5


def add_arguments(commands: Any) -> None:
    """`saga schedules [NAME [ACT]]`."""
    parser = commands.add_parser(
        "schedules",
        help="List schedules, show one, or act on one",
        description="Without a name: all schedules. With one: its next ticks, history and acts. With an act: does it.",
    )
    parser.add_argument("schedule", nargs="?", help="its name")
    parser.add_argument("act", nargs="?", choices=[name.replace("_", "-") for name in VERBS])
    parser.add_argument("--reason", default="", help="why; it is recorded")
    parser.add_argument("--as", metavar="USERNAME", help="the user who acts; by default the operating system's user")
    parser.add_argument("--from", metavar="TIME", help="backfill: from then on, such as 2026-03-01 or 2026-03-01T03:00")
    parser.add_argument("--to", metavar="TIME", help="backfill: up to but not including then")
    parser.add_argument("--ticks", type=int, default=TICKS, help=f"how many ticks are shown (default {TICKS})")
    parser.add_argument("--dry-run", action="store_true", help="backfill: only say how many")


def carry_out(given: dict[str, Any]) -> Iterator[str]:
    """The lines to print. Raises SagaError and CommandError for what cannot be done."""
    if given["schedule"] is None:
        yield from _list()
    elif given["act"] is None:
        yield from _show(given["schedule"], max(given["ticks"], 0))
    else:
        yield from _act(VERBS[given["act"].replace("-", "_")], given)


def _list() -> Iterator[str]:
    rows = []
    for state in schedule_labels.read_all(clock()):
        ahead = state.next_ticks(1)
        last = schedule_labels.tick_line(state.last) if state.last else "—"
        rows.append((state.name, state.badge.text, state.when, ahead[0][0] if ahead else "—", last))
    yield from table(("SCHEDULE", "STATE", "WHEN", "NEXT", "LAST"), rows)


def _show(name: str, ticks: int) -> Iterator[str]:
    state = schedule_labels.read(name, clock())
    if state.declared is None and state.row is None:
        names = ", ".join(one.name for one in schedule_labels.read_all(clock())) or "none"
        raise DoesNotFit(f"There is no schedule named {name}. There are: {names}.")
    yield from schedule_labels.lines(state, ticks)


def _act(verb: ScheduleVerb, given: dict[str, Any]) -> Iterator[str]:
    name, span = given["schedule"], {}
    if verb.takes_span:
        span = {"since": _moment("--from", given["from"]), "until": _moment("--to", given["to"])}
        found = preview(name, **span)
        yield f"{len(found.to_run)} ticks have no run yet, {found.had} had theirs."
        if found.forgotten:
            yield "Part of the span is older than the history that is kept: what ran then is not known, and runs again."
        if given["dry_run"]:
            return
    verb.do(name, actor=_actor(given["as"], verb), reason=given["reason"], **span)
    yield f"{verb.title}: done and recorded."


def _moment(option: str, text: str | None) -> datetime:
    try:
        found = parse_datetime(text or "") or parse_date(text or "")
    except ValueError:
        found = None
    if found is None:
        raise CommandError(f"{option}: give a time, such as 2026-03-01 or 2026-03-01T03:00.")
    moment = found if isinstance(found, datetime) else datetime(found.year, found.month, found.day)  # noqa: DTZ001
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def _actor(username: str | None, verb: ScheduleVerb) -> Actor:
    """As on runs: whoever can run commands on the server may do everything, a named user what they may."""
    if username is None:
        return Person(getpass.getuser())
    user = get_user_model()._default_manager.filter(**{get_user_model().USERNAME_FIELD: username}).first()
    if user is None:
        raise DoesNotFit(f"There is no user {username}.")
    if not user.has_perm(verb.permission):
        raise DoesNotFit(f"{username} may not {verb.title.lower()}: the permission {verb.permission} is missing.")
    return user
