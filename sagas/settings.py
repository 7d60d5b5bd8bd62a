"""The engine's settings and their defaults. They are read from Django's settings at each use."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import cast

from django.conf import settings
from django.core.signals import setting_changed

from .declare.alert_rule import AlertRule
from .declare.participant import Participant
from .declare.share import Share


class SagaSettings:
    """Set `SAGAS_<NAME>` in Django's settings to replace a default."""

    LEASE_MARGIN: timedelta = timedelta(seconds=5)
    """Added to the step's timeout, this is the lease: how long a claim keeps other workers off the step."""
    IN_PLACE: bool = True
    """True: a worker that has finished a step runs the next one itself. False: each step is a Celery message."""
    IN_PLACE_BUDGET: timedelta = timedelta(seconds=5)
    """How long a worker runs steps in place; then the next step is sent as a message, so that other runs proceed."""
    HAND: int = 64
    """How many runs a worker process takes at once when several are due, and carries out together. 1: each run comes
    by a message of its own, as with IN_PLACE = False."""
    PATIENCE: timedelta = timedelta(seconds=10)
    """How long a task may take to start after it has left the queue, before the sweep sends it again. Each repeat
    waits half of this longer, up to three times this."""
    ASK_AFTER: int = 10
    """After how many failures an operator is asked while retries continue: of a step without an attempt limit, or of
    any step by our own fault. Attempts while the participant's breaker is open do not count."""
    SHORT_WAIT: timedelta = timedelta(seconds=30)
    """The longest wait for a retry that uses a Celery countdown; the sweep starts retries after longer waits. Keep it
    below a third of the broker's visibility timeout."""
    SWEEP_BATCH: int = 500
    """How many overdue runs one sweep restarts at most."""
    PARTICIPANTS: dict[str, Participant] = {}
    """The policy for each participant, by the name that steps use. Others get the defaults of `Participant`."""
    SHARES: dict[str, Share] = {}
    """The policy for each share that runs are started with, by its name; "*" for those that are not named."""
    KEEP_FINISHED: timedelta | None = timedelta(days=90)
    """How long finished runs are kept; None keeps them for ever. Pruning also forgets the key: after it, `start` with
    the same key starts a new run."""
    PRUNE_BATCH: int = 1_000
    """How many runs `sagas.prune` deletes per transaction."""
    ARCHIVE: str = ""
    """Dotted path of a function that receives each batch before it is deleted; see `sagas/maintenance/prune.py`."""
    ARCHIVE_FOLDER: str = ""
    """The folder for the files of `sagas.archive.to_jsonl`."""
    SECOND_PERSON: tuple[str, ...] = ()
    """Acts that need two people, one who proposes and one who confirms, such as ("compensate", "skip")."""
    MASKED: tuple[str, ...] = ("password", "secret", "token", "authorization", "api_key", "cvc")
    """Fields of inputs and results, and attributes, whose values the run's page and the command line hide, by a word in
    their names."""
    CANARY: bool = True
    """Whether a run without effect is started each minute, whose age says whether runs get through; see
    `sagas/maintenance/canary.py`."""
    ALERTS: tuple[AlertRule, ...] | None = None
    """The rules of the alerts, `sagas.AlertRule`s; None for those of `sagas/alerts/rules.py`, () for none."""
    ALERT_MAIL: tuple[str, ...] | list[str] = ()
    """Who gets a mail when an alert begins, and when it is over."""
    ALERT_WEBHOOK: str = ""
    """The address that gets a signed POST at the same moments; empty for none."""
    ALERT_WEBHOOK_SECRET: str = ""
    """`whsec_` and the key in base64; several, with spaces between, while one replaces another."""
    ALERT_QUEUE: str = "upkeep"
    """The queue of the mails and webhooks of alerts: that of the worker that evaluates them. Read at the start."""
    FLOWER_URL: str = ""
    """The address of Flower, for the admin's links to tasks; when empty, the setting FLOWER_URL is used."""
    TRACE_URL: str = ""
    """The address of a page that shows one trace, with `{trace_id}` in it, for the admin's links; when empty, the
    setting TRACE_URL is used."""


class _Read:
    """Reads a setting when it is first used and keeps it, so that a step does not look each up again and again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changes = 0

    def __getattr__(self, name: str) -> object:
        changes = self._changes
        value = getattr(settings, f"SAGAS_{name}", getattr(SagaSettings, name))
        with self._lock:
            if changes == self._changes:  # else another thread's change came between, and this value may be old
                self.__dict__[name] = value
        return value

    def forget(self, *, setting: str, **_: object) -> None:
        """For Django's signal that a setting has changed: tests override them."""
        with self._lock:
            self._changes += 1
            self.__dict__.pop(setting.removeprefix("SAGAS_"), None)


_read = _Read()
saga_settings = cast(SagaSettings, _read)
setting_changed.connect(_read.forget)


def is_masked(name: str) -> bool:
    """Whether the values of a field or an attribute of that name are hidden, by SAGAS_MASKED, in any case."""
    return any(word.lower() in name.lower() for word in saga_settings.MASKED)


def is_pooled() -> bool:
    """Whether a run that starts waits for any worker that is free, instead of for its own message alone."""
    return saga_settings.IN_PLACE and saga_settings.HAND > 1
