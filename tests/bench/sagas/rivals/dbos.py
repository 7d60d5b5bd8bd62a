"""DBOS: `worker CONCURRENCY`, or `submit`. The queue is `bench`, in the database of BENCH_DATABASE_URL.

Chosen by its documentation: one queue, `worker_concurrency` for each process, a pool of connections that is no smaller,
enqueued by a DBOSClient. It polls: every 50 ms here, twenty times as often as by default, for the sake of its latency.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

from dbos import DBOS, DBOSClient

from tests.bench.sagas.protocol import serve
from tests.bench.sagas.trial import STEPS, act

POLL = 0.05  # seconds
URL = os.environ["BENCH_DATABASE_URL"]
VERSION = "1"


def work(concurrency: int) -> None:
    config: Any = {
        "name": "bench",
        "system_database_url": URL,
        "application_version": VERSION,
        "executor_id": str(os.getpid()),
        "sys_db_pool_size": max(20, concurrency),
        "log_level": "WARNING",
    }
    DBOS(config=config)

    @DBOS.step()
    def step(name: str, number: int, slow: bool) -> dict[str, str]:
        return {"reference": act(name, number, slow)}

    @DBOS.workflow(name="trial")
    def trial(number: int, slow: bool) -> list[dict[str, str]]:
        return [step(name, number, slow) for name in STEPS]

    DBOS.launch()
    DBOS.register_queue("bench", worker_concurrency=concurrency, polling_interval_sec=POLL, on_conflict="always_update")
    print("ready.", flush=True)
    threading.Event().wait()


def submit() -> None:
    client = DBOSClient(system_database_url=URL)
    options: Any = {
        "workflow_name": "trial",
        "queue_name": "bench",
        "app_version": VERSION,
        "application_name": "bench",
    }
    serve(lambda number, slow: str(client.enqueue(options, number, slow).workflow_id))


if __name__ == "__main__":
    work(int(sys.argv[2])) if sys.argv[1] == "worker" else submit()
