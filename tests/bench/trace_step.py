"""`make trace-step`: which functions of `sagas/` and `outbox/` one step of the happy path runs, file by file.

What runs is real: Celery's task `sagas.run_step`, called as a worker calls it, over `tests/support/sagas/traced.py` and
a PostgreSQL database of its own. One run goes before, so that nothing counts that a process does once (imports, caches,
PREPARE). A step is counted from where the engine is entered to where it returns:

* **by message**: the engine gets the run and the step that a message names. It claims the step, calls the participant,
  runs the `recorded` hook, which publishes an event, records all in one commit and claims the next step with it.
* **in place**: the worker's loop hands the engine the step that the record before has claimed. It is called and
  recorded, and the next one is claimed. One with such a hook, and one without.

Around them is the rest of the task: Celery's door, the loop, what Flower is shown; counted apart. What is counted:

* **calls**: Python functions whose source lies in `sagas/` or `outbox/`, in the order in which they are called.
  Comprehensions, lambdas and generated functions (a dataclass's `__init__`) are left out, and a generator (a context
  manager) is a call each time that it is resumed. What lies between two of ours, such as Django or the host's function,
  is passed over.
* **files**: how many different files these functions lie in.
* **changes of file**: how many of these calls lie in another file than the call before: into another file, and back
  into the first one where that calls a function of its own again. A plain return is no call.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType

ROOT = Path(__file__).resolve().parents[2]
APPS = tuple(f"{ROOT / app}{os.sep}" for app in ("sagas", "outbox"))
PASSED_OVER = {"<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>", "<lambda>"}
AROUND, MESSAGE = "The task around the steps", "A step by message; its hook publishes an event"
PLAIN, TELLS, LAST = "A step in place", "A step in place; its hook publishes an event", "The last step, in place"
STEPS = (MESSAGE, PLAIN, TELLS, LAST)
"""As the saga has them."""


@dataclass
class Trace:
    """What ran of one step, or around the steps."""

    title: str
    calls: list[tuple[int, str, str]] = field(default_factory=list)
    """Depth, file and function."""
    depth: int = 0

    @property
    def files(self) -> set[str]:
        return {file for _, file, _ in self.calls}

    @property
    def changes(self) -> int:
        """How often the file changes from one call to the next."""
        return sum(one[1] != other[1] for one, other in zip(self.calls, self.calls[1:], strict=False))

    def lines(self) -> Iterator[str]:
        """For people: each call, indented by its depth, with its file where that changes."""
        yield f"== {self.title} =="
        before = ""
        for depth, file, function in self.calls:
            yield f"{file if file != before else '':38} {'  ' * depth}{function}"
            before = file
        yield f"{self.summary}\n"

    @property
    def summary(self) -> str:
        sagas = sum(file.startswith("sagas") for file in self.files)
        files = f"{len(self.files)} files ({sagas} of sagas, {len(self.files) - sagas} of outbox)"
        return f"{self.title}: {len(self.calls)} calls, {files}, {self.changes} changes of file"


class Tracer:
    """For `sys.setprofile`: keeps the steps of one task apart. By the functions `doors` the engine is entered."""

    def __init__(self, doors: set[CodeType]) -> None:
        self.doors = doors
        self.around = self.current = Trace(AROUND)
        self.steps: list[Trace] = []

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event not in ("call", "return") or not code.co_filename.startswith(APPS) or code.co_name in PASSED_OVER:
            return
        if event == "call":
            self._call(code)
        else:
            self._return()

    def _call(self, code: CodeType) -> None:
        if code in self.doors and self.current is self.around:
            self.current = Trace(STEPS[len(self.steps)])
            self.steps.append(self.current)
        file = str(Path(code.co_filename).relative_to(ROOT))
        self.current.calls.append((self.current.depth, file, code.co_qualname))
        self.current.depth += 1

    def _return(self) -> None:
        self.current.depth -= 1
        if self.current.depth == 0:
            self.current = self.around


def traced(task: Callable[[], None], doors: set[CodeType]) -> list[Trace]:
    """What ran in the task: its steps but the last, which takes no other one, and what lies around them."""
    tracer = Tracer(doors)
    sys.setprofile(tracer)
    try:
        task()
    finally:
        sys.setprofile(None)
    return [*tracer.steps[:-1], tracer.around]


def trace_a_run() -> list[Trace]:
    """Carry two runs, each in one task, and trace the second one. Needs the tables."""
    from sagas.engine import executor
    from tests.support.sagas.traced import begin, carry

    carry(begin())
    run_id = begin()
    return traced(lambda: carry(run_id), {executor.run_step.__code__, executor.proceed.__code__})


def main() -> None:
    """Make a database of its own on the server that DATABASE_URL names, trace, print, and drop it again."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    django.setup()
    from django.test.utils import setup_databases, teardown_databases

    databases = setup_databases(verbosity=0, interactive=False)
    try:
        traces = trace_a_run()
    finally:
        teardown_databases(databases, verbosity=0)
    for trace in traces:
        print("\n".join(trace.lines()))
    print("\n".join(trace.summary for trace in traces))


if __name__ == "__main__":
    main()
