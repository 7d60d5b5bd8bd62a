"""Oban for Python: `prepare`, `worker CONCURRENCY`, or `submit`. The queue is `bench`, in the database of DATABASE_URL.

Its open edition has no workflows, so that a run is five jobs, each of which enqueues the next one (a commit), then is
marked as done with its result (another). A job whose process dies in between is done twice. It is woken by NOTIFY, and
runs as its own `oban start` does: on uvloop, with orjson, and a pool of ten connections.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from typing import Any

import orjson
import psycopg
import uvloop
from oban import Oban, Record, worker
from oban.schema import install_sql
from psycopg.types.json import set_json_dumps, set_json_loads

from tests.bench.sagas.protocol import serve
from tests.bench.sagas.trial import PAUSE, SLOW, STEPS, act

URL = os.environ["DATABASE_URL"]
FOUND = "CREATE INDEX bench_run ON oban_jobs ((args ->> 'run')) WHERE worker = '__main__.Dispatch'"
"""By this the bench sees a run's last job; the others are not in it."""


def declare() -> Any:
    """A worker for each step; the first one."""
    following: Any = None
    for name in reversed(STEPS):
        following = step(name, following)
    return following


def step(name: str, following: Any) -> Any:
    """The worker of a step, `__main__.Reserve` for example."""

    async def process(_self: Any, job: Any) -> Any:
        reference = await answer(name, job.args)
        if following is not None:
            await following.enqueue(job.args)
        return Record({"reference": reference})

    return worker(queue="bench")(type(name.title(), (), {"process": process, "__module__": "__main__"}))


async def answer(name: str, args: Any) -> str:
    if args["slow"] and name in SLOW:
        await asyncio.sleep(PAUSE)
    return act(name, args["number"], False)


async def work(concurrency: int) -> None:
    declare()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    pool = await Oban.create_pool(URL)
    async with Oban(pool=pool, queues={"bench": concurrency}):
        print("ready.", flush=True)
        await stop.wait()
    await pool.close()


def submit() -> None:
    first = declare()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        oban = runner.run(connect())

        def one(number: int, slow: bool) -> str:
            run = str(uuid.uuid4())
            runner.run(oban.enqueue(first.new({"run": run, "number": number, "slow": slow})))
            return run

        serve(one)


async def connect() -> Any:
    return Oban(pool=await Oban.create_pool(URL))


def prepare() -> None:
    with psycopg.connect(URL, autocommit=True) as connection:
        connection.execute(install_sql())
        connection.execute(FOUND)


if __name__ == "__main__":
    set_json_dumps(orjson.dumps)
    set_json_loads(orjson.loads)
    match sys.argv[1]:
        case "prepare":
            prepare()
        case "worker":
            uvloop.run(work(int(sys.argv[2])))
        case _:
            submit()
