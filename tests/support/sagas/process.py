"""A worker process that takes runs, in this process and without a broker, and what it sends."""

from __future__ import annotations

import gc
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, wait
from types import SimpleNamespace
from typing import Any

from django.db import connections

from sagas.models import Attempt, Run
from sagas.worker import chains, crew, in_hand, taker
from tests.support.sagas.hands import NAME


class Post(list[Any]):
    """What went out as messages."""

    def __call__(self, signatures: Any) -> None:
        self.extend(signatures)

    @property
    def takes(self) -> int:
        """How many say that there is work."""
        return sum(one.task == chains.TAKE_TASK for one in self if not hasattr(one, "tasks"))

    @property
    def chains(self) -> Counter[tuple[str, str]]:
        """The chains, each as its run and its first step."""
        return Counter((one.tasks[0].args[0], one.tasks[0].args[-1]) for one in self if hasattr(one, "tasks"))


class Process:
    """A worker process: threads that tasks run in, and what belongs to the process."""

    def __init__(self, size: int) -> None:
        self.taker, self.crew = taker.Taker(), crew.Crew()
        self.crew.size, self.crew.when_idle = size, self.taker.look_again
        self.tasks: list[Future[None]] = []

    def take(self, *, queued: bool = False) -> Future[None]:
        """One of its threads has the task."""
        task: Future[None] = Future()

        def run() -> None:
            try:
                request = SimpleNamespace(hostname=NAME, id="the task", root_id="root")
                self.taker.work(SimpleNamespace(request=request), queued=queued)  # type: ignore[arg-type]
            except BaseException as error:
                task.set_exception(error)
            else:
                task.set_result(None)
            finally:
                connections.close_all()

        self.tasks.append(task)
        threading.Thread(target=run, daemon=True).start()  # one that never ends fails its test, and holds up no other
        return task

    @property
    def is_empty(self) -> bool:
        """Whether nothing of any run is left in it."""
        return self.taker._carried == 0 and not in_hand._runs and self.crew.idle == self.crew.size

    def ends(self) -> None:
        wait(self.tasks, 10)
        if self.crew._threads is not None:
            self.crew._threads.shutdown()
        gc.collect()  # with a thread goes its connection


def hangs(gate: threading.Event) -> Callable[[], None]:
    def call() -> None:
        assert gate.wait(60)

    return call


def completed() -> int:
    return Run.objects.filter(status="completed").count()


def lost() -> int:
    return Attempt.objects.filter(outcome="lost").count()


def ends(task: Future[None]) -> None:
    task.result(30)
