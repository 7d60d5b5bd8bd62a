"""absurd-sdk: `threads CONCURRENCY` or `async CONCURRENCY`, a worker, or `submit`.

The queue is `bench`, in the database of ABSURD_DATABASE_URL. The documentation (docs/sdks/python.md) has both kinds of
worker, each with a `concurrency`; the better one was taken by measuring: asyncio with 32 for steps that do nothing
(170-235 runs a second against 130-160 with 2 or 8 threads, on a shared machine), 32 threads when steps wait (88-99
against 53-76), as its asyncio worker claims again only when its whole batch is done. It polls: every 20 ms here, twelve
times as often as by default, for the sake of its latency.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from absurd_sdk import Absurd, AsyncAbsurd

from tests.bench.sagas.protocol import serve
from tests.bench.sagas.trial import PAUSE, SLOW, STEPS, act

POLL = 0.02  # seconds


def work_in_threads(concurrency: int) -> None:
    app = Absurd(queue_name="bench")

    @app.register_task("trial")
    def trial(params: Any, ctx: Any) -> Any:
        return [ctx.step(name, lambda name=name: answer(name, params)) for name in STEPS]

    print("ready.", flush=True)
    app.start_worker(concurrency=concurrency, poll_interval=POLL)


async def work_async(concurrency: int) -> None:
    app = AsyncAbsurd(queue_name="bench")

    @app.register_task("trial")
    async def trial(params: Any, ctx: Any) -> Any:
        return [await ctx.step(name, lambda name=name: answer_async(name, params)) for name in STEPS]

    print("ready.", flush=True)
    await app.start_worker(concurrency=concurrency, poll_interval=POLL)


async def answer_async(name: str, params: Any) -> Any:
    if params["slow"] and name in SLOW:
        await asyncio.sleep(PAUSE)
    return {"reference": act(name, params["number"], False)}


def answer(name: str, params: Any) -> Any:
    return {"reference": act(name, params["number"], params["slow"])}


def submit() -> None:
    app = Absurd(queue_name="bench")
    serve(lambda number, slow: str(app.spawn("trial", {"number": number, "slow": slow}, queue="bench")["task_id"]))


if __name__ == "__main__":
    match sys.argv[1]:
        case "threads":
            work_in_threads(int(sys.argv[2]))
        case "async":
            asyncio.run(work_async(int(sys.argv[2])))
        case _:
            submit()
