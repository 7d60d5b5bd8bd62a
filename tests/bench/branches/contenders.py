"""What is compared. Each has two worker processes with threads, a relay and beat."""

from __future__ import annotations

from dataclasses import replace

from tests.bench.sagas.contenders import SAGA_DONE, Contender, ours

from .submit import ITEMS, WAITS, WITH_ITEMS

PACKAGE = "tests.bench.branches"
SIDE_BY_SIDE, IN_A_ROW = "side_by_side", "in_a_row"
IDLE, WAITING = "idle", "idle_with_waits"
ALL_WAIT = """
SELECT count(*) FROM saga_run r JOIN saga_step s ON s.run_id = r.id AND s.position = r.position
WHERE r.id = ANY(%s::uuid[]) AND s.status = 'waiting'
"""


def contenders(concurrency: int, items: int) -> list[Contender]:
    """In the order of the table; `concurrency`: threads of one worker process."""
    return [
        _one(IN_A_ROW, "three steps of 50 ms, one after the other", IN_A_ROW, concurrency),
        _one(SIDE_BY_SIDE, "the same, side by side", SIDE_BY_SIDE, concurrency),
        _one(IDLE, "nothing is asked of it", WAITS, concurrency),
        _one(WAITING, "the same, while runs wait for a date, a signal or a person", WAITS, concurrency, done=ALL_WAIT),
        _one(WITH_ITEMS, "a step for each item, which does nothing", WITH_ITEMS, concurrency, **{ITEMS: str(items)}),
    ]


def _one(name: str, about: str, saga: str, concurrency: int, *, done: str = SAGA_DONE, **more: str) -> Contender:
    engine = ours(name, about, concurrency, concurrency)
    environment = {"DJANGO_SETTINGS_MODULE": f"{PACKAGE}.settings", **more}
    return replace(engine, submitter=("-m", f"{PACKAGE}.submit", saga), done=done, environment=environment)
