"""The steps that a worker runs one after the other in one Celery task, in place of a message for each.

Recording a step takes the next one in the same commit. Which one that is PostgreSQL says, never the chain that the task
carries; what is left when the worker stops goes out as a chain of its own.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from celery import Task
from celery.worker import state as this_worker

from ..declare.saga import Step
from ..engine import executor
from ..engine.decisions import Next, Verdict, Wait
from ..engine.work import Taken
from ..settings import saga_settings
from .flower_events import Shown


@dataclass
class InPlace:
    """One task's way through a run."""

    task: Task[..., None]
    began: float = field(default_factory=time.monotonic)
    at: Taken | None = None
    """The last step that was carried out beyond the one that the task names."""

    def ahead(self, _step: Step[Any, Any]) -> str | None:
        """A task id for the step that follows; None when it shall go out as a message.

        That bounds how long a task keeps a thread from other runs, and a worker that is stopped from ending.
        """
        spent = time.monotonic() - self.began
        budget = saga_settings.IN_PLACE_BUDGET.total_seconds()
        if not saga_settings.IN_PLACE or spent >= budget or _is_stopping():
            return None
        return str(uuid4())

    def carry(self, verdict: Verdict) -> Verdict:
        """Go on for as long as the next step is in hand; returns what the chain does after the last."""
        while isinstance(verdict, Next):
            self.at = verdict.taken
            with Shown(self.task.request, self.at) as shown:
                verdict = executor.proceed(self.at)
                if isinstance(verdict, Wait):
                    shown.retried(verdict.why)
        return verdict


def _is_stopping() -> bool:
    """Whether Celery was asked to end this worker."""
    asked: tuple[object, ...] = (this_worker.should_stop, this_worker.should_terminate)  # exit codes, 0 among them
    return any(code is not None and code is not False for code in asked)
