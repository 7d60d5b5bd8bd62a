"""What a step waits for, in words: as it is declared, and as it stands for a run."""

from __future__ import annotations

from datetime import timedelta

from outbox.messages.durations import say

from ..declare import waits
from ..errors import Refused
from ..models import Run, RunStatus, Wait

MEANINGS = {
    Wait.Kind.TIMER: "It waits for a date. Nobody must act.",
    Wait.Kind.SIGNAL: "It waits for an answer from outside. Nobody here must act.",
    Wait.Kind.APPROVAL: "It waits for a person's answer: yes, no, or send back.",
}


def meaning(run: Run, wait: Wait | None) -> str:
    """What it means that the run waits; empty where something else is to be said of it."""
    calm = run.status == RunStatus.RUNNING and run.paused_at is None and run.asks_since is None
    return MEANINGS[Wait.Kind(wait.kind)] if wait is not None and calm else ""


def declared(wait: waits.Wait) -> str:
    """`waits for Offer, 2 h, else no_answer`."""
    if wait.kind == waits.TIMER:
        return f"waits {_until(wait)}"
    kind = getattr(wait.result, "__name__", str(wait.result))
    what = f"waits for {kind}" if wait.kind == waits.SIGNAL else f"asks {who(wait)} for {kind}"
    if wait.for_ is None:
        return what
    else_ = wait.else_.code if isinstance(wait.else_, Refused) else "a value"
    return f"{what}, {_long(wait.for_)}, else {else_}"


def who(wait: waits.Wait) -> str:
    """Who may answer: `the permission orders.approve_order`, `the group buyers`."""
    said = [f"the permission {wait.permission}"] if wait.permission else []
    return " and ".join([*said, *([f"the group {wait.group}"] if wait.group else [])])


def _until(wait: waits.Wait) -> str:
    if wait.until is None:
        return _long(wait.for_)
    return f"until {wait.until}" if isinstance(wait.until, str) else "until a date"


def _long(span: object) -> str:
    return say(span) if isinstance(span, timedelta) else "for a time"
