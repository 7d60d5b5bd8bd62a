"""absurd-sdk: `worker CONCURRENCY`, or `submit`. The queue is `bench`, in the database of ABSURD_DATABASE_URL.

Chosen by its documentation (docs/sdks/python.md: `concurrency` runs tasks in a pool of threads in one worker process)
and by measuring. It polls: every 20 ms here, twelve times as often as by default, for the sake of its latency.
"""

from __future__ import annotations

import sys
from typing import Any

from absurd_sdk import Absurd

from tests.bench.sagas.protocol import serve
from tests.bench.sagas.trial import STEPS, act

POLL = 0.02  # seconds


def work(concurrency: int) -> None:
    app = Absurd(queue_name="bench")

    @app.register_task("trial")
    def trial(params: Any, ctx: Any) -> Any:
        return [ctx.step(name, lambda name=name: answer(name, params)) for name in STEPS]

    print("ready.", flush=True)
    app.start_worker(concurrency=concurrency, poll_interval=POLL)


def answer(name: str, params: Any) -> Any:
    return {"reference": act(name, params["number"], params["slow"])}


def submit() -> None:
    app = Absurd(queue_name="bench")
    serve(lambda number, slow: str(app.spawn("trial", {"number": number, "slow": slow}, queue="bench")["task_id"]))


if __name__ == "__main__":
    work(int(sys.argv[2])) if sys.argv[1] == "worker" else submit()
