"""The engine's settings with their defaults, read from Django's settings when they are used."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

from django.conf import settings
from django.core.signals import setting_changed

from .declare.participant import Participant


class SagaSettings:
    """`SAGAS_<NAME>` in the host's settings replaces a default."""

    LEASE_MARGIN: timedelta = timedelta(seconds=5)
    """Beyond the step's timeout: how long a claim holds before another worker may take the step."""
    IN_PLACE: bool = True
    """Whether a worker that has finished a step goes on with the next one itself. False: one message a step."""
    IN_PLACE_BUDGET: timedelta = timedelta(seconds=5)
    """After this long a worker leaves the next step to a message, so that other runs get their turn."""
    PATIENCE: timedelta = timedelta(seconds=10)
    """How long the next link may keep us waiting, once it has left the workers' queue, before the sweep rings; half
    of it longer with each ring, up to three times this."""
    ASK_AFTER: int = 10
    """How often a step that is tried until it is done may fail, or any step by our own fault, before a person is asked
    as well. Attempts while its participant is held as away do not count."""
    SHORT_WAIT: timedelta = timedelta(seconds=30)
    """A longer wait for the next attempt never rides on a Celery ETA; the sweep rings it. Keep below a third of the
    broker's visibility timeout."""
    SWEEP_BATCH: int = 500
    """How many overdue runs one sweep rings."""
    PARTICIPANTS: dict[str, Participant] = {}
    """Limits and patience for each participant by the name that steps give it; names not listed get the defaults."""
    KEEP_FINISHED: timedelta | None = timedelta(days=90)
    """How long a run that has ended is kept; None keeps it for ever. With the run goes its key: `start` with the key of
    a run that was pruned starts another one."""
    PRUNE_BATCH: int = 1_000
    """How many runs one transaction of `sagas.prune` removes."""
    ARCHIVE: str = ""
    """Dotted path of what is given each batch before it is removed; see `sagas/maintenance/prune.py`."""
    ARCHIVE_FOLDER: str = ""
    """Where `sagas.archive.to_jsonl` puts its files."""
    SECOND_PERSON: tuple[str, ...] = ()
    """Operators' acts that one person proposes and another confirms, such as ("compensate", "skip"), by their verbs."""
    FLOWER_URL: str = ""
    """Where the admin links a task to; FLOWER_URL is taken when this is empty."""


class _Read:
    """Reads a setting when it is first used and keeps it, so that a step does not look each up again and again."""

    def __getattr__(self, name: str) -> object:
        value = getattr(settings, f"SAGAS_{name}", getattr(SagaSettings, name))
        self.__dict__[name] = value
        return value

    def forget(self, *, setting: str, **_: object) -> None:
        """For Django's signal that a setting has changed: tests override them."""
        self.__dict__.pop(setting.removeprefix("SAGAS_"), None)


_read = _Read()
saga_settings = cast(SagaSettings, _read)
setting_changed.connect(_read.forget)
