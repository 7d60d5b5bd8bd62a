"""One act on every run that matches a filter, at a limited rate. Each run gets an ordinary act with its own record."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ..engine.diagnosis import clock
from ..errors import SagaError
from ..models import Run
from .acts import Actor, DoesNotFit, ReasonMissing
from .second_person import needs_second_person
from .selection import Filter, matching
from .verbs import VERBS, Verb

logger = logging.getLogger(__name__)
USUAL_RATE = 10.0
"""Runs per second, the default."""
HIGHEST_RATE = 1000.0
LOWEST_RATE = 0.01


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to one run."""

    run_id: UUID
    title: str
    skipped: str = ""
    """Why nothing was done; empty when the act was done."""


def bulk(
    verb: str, chosen: Filter, *, actor: Actor, reason: str, rate: float = USUAL_RATE, **given: Any
) -> Iterator[Outcome]:
    """Act on each matching run, in the order of ids, at most `rate` runs per second; yield one outcome per run.

    Runs that started later are left out, and each run must still match just before its act. To stop, leave the
    iterator; what was done stays done. `given` is what the verb takes beside its reason. Raises DoesNotFit and
    ReasonMissing before the first act.
    """
    many = checked_bulk_verb(verb, reason, rate)
    return _each(many, chosen, actor, reason, rate, given)


def checked_bulk_verb(verb: str, reason: str, rate: float) -> Verb:
    """The verb of that name. Raises DoesNotFit when it acts on single runs only or the rate is bad; ReasonMissing."""
    if verb not in VERBS or not VERBS[verb].many:
        able = ", ".join(name for name, one in VERBS.items() if one.many)
        raise DoesNotFit(f"Many runs at once: {able}. {verb} is decided run by run.")
    if needs_second_person(verb):
        raise DoesNotFit(f"{verb} needs two people here: it is proposed and confirmed run by run.")
    if not reason.strip():
        raise ReasonMissing
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise DoesNotFit(f"A rate is {LOWEST_RATE:g} to {HIGHEST_RATE:g} runs a second, not {rate:g}.")
    return VERBS[verb]


def next_match(chosen: Filter, cursor: UUID | None, accepted_by: datetime) -> Run | None:
    """The matching run with the next id after `cursor`; None at the end."""
    runs = matching(chosen).filter(created_at__lte=accepted_by)
    if cursor is not None:
        runs = runs.filter(pk__gt=cursor)
    return runs.order_by("pk").first()


def act_on(run: Run, verb: Verb, actor: Actor, reason: str, given: dict[str, Any]) -> Outcome:
    """Act on one run. An error skips this run, and does not stop the others."""
    title = run.subject or run.key
    try:
        verb.do(run.pk, actor=actor, reason=reason, **given)
    except (SagaError, Run.DoesNotExist) as error:
        return Outcome(run.pk, title, str(error))
    except Exception as error:
        logger.exception("saga.bulk_act_failed", extra={"run": str(run.pk), "verb": verb.name})
        return Outcome(run.pk, title, f"{type(error).__qualname__}: {error}")
    return Outcome(run.pk, title)


def _each(
    verb: Verb, chosen: Filter, actor: Actor, reason: str, rate: float, given: dict[str, Any]
) -> Iterator[Outcome]:
    started, cursor, due = clock(), None, time.monotonic()
    while (run := next_match(chosen, cursor, started)) is not None:
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due, time.monotonic() - 1) + 1 / rate
        cursor = run.pk
        yield act_on(run, verb, actor, reason, given)
