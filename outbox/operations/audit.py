"""Records who did what, and why: in Django's log of the admin for users, and in the process's log for everybody."""

from __future__ import annotations

import logging
from typing import Any, cast

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Model

from ..errors import OutboxError

logger = logging.getLogger(__name__)

Actor = AbstractBaseUser | str
"""A user, or the name of somebody without an account, such as whoever runs the command line on the server."""


class ReasonMissing(OutboxError):
    """Say why: whoever reads the record later has nothing else to go by."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


def name_of(actor: Actor) -> str:
    """The actor's name, as it is recorded."""
    return actor if isinstance(actor, str) else actor.get_username()


def required_reason(reason: str) -> str:
    """The reason, trimmed. Raises ReasonMissing for an empty one."""
    if not reason.strip():
        raise ReasonMissing
    return reason.strip()


def record(actor: Actor, subject: Model, what: str) -> None:
    """Record the act, in the caller's transaction."""
    logger.warning("An operator acted", extra={"who": name_of(actor), "subject": str(subject), "what": what})
    if not isinstance(actor, str):
        from django.contrib.admin.models import CHANGE, LogEntry  # a host need not install the admin

        LogEntry.objects.log_actions(cast(int, actor.pk), cast(Any, [subject]), CHANGE, change_message=what)
