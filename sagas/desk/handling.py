"""Comment on a run, assign it to somebody, and put it out of sight for a while. None of it changes how the run goes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ..engine.diagnosis import clock
from ..errors import WrongState
from ..models import OPEN, Handling, Run, RunStatus
from .acts import Actor, DoesNotFit, PendingAct, act

LONGEST_SNOOZE = timedelta(days=90)
MAY_SEE = "sagas.view_run"


def comment(run_id: UUID, *, actor: Actor, reason: str, row_version: int | None = None) -> None:
    """Write the reason into the record, and change nothing. Of a run that has ended, too."""
    with act("comment", run_id, actor, reason, None):
        pass


def assign(run_id: UUID, *, actor: Actor, reason: str, assignee: str, row_version: int | None = None) -> None:
    """Say who looks after the run, by user name; "" is nobody.

    Raises DoesNotFit for a user who may not see runs, and WrongState for a run that has ended.
    """
    with act("assign", run_id, actor, reason, None) as pending:
        _require_open(pending, "assign it")
        user = _user(assignee.strip())
        was = _handling(pending.run)
        pending.before["assignee"] = "" if was is None or was.assignee is None else was.assignee.get_username()
        pending.after["assignee"] = "" if user is None else user.get_username()
        _save(pending.run, assignee=user)


def snooze(
    run_id: UUID, *, actor: Actor, reason: str, until: datetime | str | None, row_version: int | None = None
) -> None:
    """Take the run off the desk's first page until then; None, or "", puts it back.

    A text is a time as in ISO 8601, in the site's time zone when it names none. The run goes on being tried as before.
    Raises DoesNotFit for a time that is past or more than 90 days ahead, and WrongState when nobody is asked about it.
    """
    with act("snooze", run_id, actor, reason, None) as pending:
        if not pending.run.needs_person:
            raise WrongState("snooze it", RunStatus(pending.run.status).label, "Only what needs a person is snoozed.")
        moment = _moment(until)
        was = _handling(pending.run)
        pending.before["snoozed_until"] = said(None if was is None else was.snoozed_until)
        pending.after["snoozed_until"] = said(moment)
        _save(pending.run, snoozed_until=moment)


def _require_open(pending: PendingAct, says: str) -> None:
    if pending.run.status not in OPEN:
        raise WrongState(says, RunStatus(pending.run.status).label)


def _handling(run: Run) -> Handling | None:
    return Handling.objects.select_related("assignee").filter(run=run).first()


def _save(run: Run, **fields: Any) -> None:
    Handling.objects.update_or_create(run=run, defaults=fields)


def _user(name: str) -> Any:
    if not name:
        return None
    model: Any = get_user_model()
    found = model.objects.filter(**{model.USERNAME_FIELD: name}, is_active=True).first()
    if found is None or not found.has_perm(MAY_SEE):
        raise DoesNotFit(f"There is no user {name!r} who may see runs. Write the user name of an operator.")
    return found


def _moment(until: datetime | str | None) -> datetime | None:
    if not until:
        return None
    moment, now = moment_of(until), clock()
    assert moment is not None, "only an empty text is none"  # noqa: S101
    if not now < moment <= now + LONGEST_SNOOZE:
        raise DoesNotFit(f"{moment:%Y-%m-%d %H:%M} is not within the next {LONGEST_SNOOZE.days} days.")
    return moment


def moment_of(given: datetime | str | None) -> datetime | None:
    """The time that somebody gave, in the site's time zone when it names none. Raises DoesNotFit."""
    if not given:
        return None
    moment = _parsed(given) if isinstance(given, str) else given
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment


def _parsed(text: str) -> datetime:
    try:
        moment = parse_datetime(text.strip())
    except ValueError:  # well formed, and no date: 30 February
        moment = None
    if moment is None:
        raise DoesNotFit(f"{text!r} is no time; write it as in 2026-03-04T09:00.")
    return moment


def said(moment: datetime | None) -> str:
    """The time as a record holds it; empty for none."""
    return "" if moment is None else moment.isoformat(timespec="minutes")
