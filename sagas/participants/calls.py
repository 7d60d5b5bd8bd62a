"""Calls a participant, and has its breaker know what came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from outbox.consuming import failures
from outbox.messages import spans

from .. import sql
from ..declare.context import NotApplied, StepContext
from ..declare.step import Step
from ..errors import Refused, RetryAfter, Unavailable
from ..sql import participants
from . import limits
from .answers import Answer, Done, Found, answer_to
from .breaker import Admission, count_failure
from .lookup import breakers

logger = logging.getLogger(__name__)
C = TypeVar("C")

TURNED_AWAY = (429, 502, 503, 504)
"""Statuses by which a server, or a gateway before it, says that the participant takes no calls. A 500 is an answer: one
call that a participant cannot digest holds nobody else's."""
LOCAL = (
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
    ChildProcessError,
    ProcessLookupError,
    ValueError,  # requests' InvalidURL and InvalidJSONError are both
)
"""Kinds of OSError, and of errors of `requests` that are one, that never came from the network."""


def ask(admission: Admission, function: Callable[[C], Any], context: C, is_ours: Callable[[Exception], bool]) -> Answer:
    """Call the participant; returns what came of it.

    Raises an exception of which `is_ours` says that it tells nothing of the participant, and what the breaker's own
    statements raise.
    """
    try:
        result = function(context)
    except Exception as error:
        _note(error)
        settled(admission, answered=answered(error), reason=str(error))
        return answer_to(error, is_ours)
    if admission.name:
        settled(admission, answered=True)
    return Done(result)


def _note(error: Exception) -> None:
    """In the span of the call: a no, and a wait for somebody, are answers."""
    if isinstance(error, Refused):
        spans.note("refused", code=error.code)
    elif isinstance(error, RetryAfter):
        spans.note("later", error=type(error).__qualname__)
    else:
        spans.failed(error)


def probe(step: Step[Any, Any], context: StepContext[Any], is_ours: Callable[[Exception], bool]) -> Found:
    """Ask what became of a call. A probe changes nothing: its failure only leaves the doubt. Raises what is ours."""
    if step.probe_run is None:
        return None
    try:
        found = step.probe_run(context)
    except Exception as error:
        if is_ours(error):
            raise
        facts = {"run": str(context.run_id), "step": step.title, "attempt": context.attempt, "error": str(error)}
        stack = failures.stack_of(error) if answered(error) is None else None
        logger.warning("saga.probe_failed", exc_info=stack, extra=facts)
        return None
    return found if isinstance(found, NotApplied) else Done(found)


def is_held(participant: str, error: Exception) -> bool:
    """Whether all calls to the participant are held, this error being one of the reasons: it costs no attempt."""
    return is_away(error) and not breakers.of(participant).closed


def settled(admission: Admission, *, answered: bool | None, reason: str = "") -> None:
    """Report how an admitted call ended: at most one statement, none when there is nothing to write.

    `answered` is True for any real answer, a refusal included; False when the participant is away; None when it was
    not asked, or an error of our own says nothing about it. `reason` is shown to operators.
    """
    name, token = admission.name, admission.token
    if not name:
        return
    if answered is False:
        count_failure(name, token, reason)
    elif answered and (admission.trial or breakers.of(name).failures):
        breakers.learn(sql.fetch(participants.ANSWERED, {"name": name, "token": token}))
    elif admission.trial:
        breakers.learn(sql.fetch(participants.GIVE_BACK, {"name": name, "token": token}))
    elif admission.slot and token is not None:
        limits.release(name, token)


def answered(error: BaseException | None) -> bool | None:
    """What an attempt's end says about the participant, for `settled`: None for an error of our own.

    An HTTP error that carries a status is an answer, unless it is one of TURNED_AWAY; so is one that says so itself by
    `is_there`, as a client's own errors may.
    """
    if error is None:
        return True
    if is_away(error):
        return False
    said = isinstance(error, Refused | RetryAfter) or _status(error) is not None or getattr(error, "is_there", False)
    return True if said else None


def is_away(error: BaseException) -> bool:
    """Whether the error says that the participant is away: Unavailable, or the network's part of OSError."""
    if isinstance(error, Unavailable):
        return True
    if not isinstance(error, OSError) or isinstance(error, LOCAL):
        return False
    status = _status(error)
    return status is None or status in TURNED_AWAY


def _status(error: BaseException) -> int | None:
    """The HTTP status that the errors of `requests`, and of those like it, carry."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None
