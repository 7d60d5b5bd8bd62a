"""Bare Celery: a chain of five tasks that do nothing and keep nothing; `-A tests.bench.sagas.rivals.bare`, or `submit`.

The workers are arranged as ours are, with the same delivery settings. The last link counts in Redis, so that the end
can be seen. A run that is lost here is lost.
"""

from __future__ import annotations

import logging
import os

from celery import Celery, chain
from redis import Redis

from tests.bench.sagas.protocol import serve
from tests.bench.sagas.rivals.counter import FINISHED
from tests.bench.sagas.trial import STEPS, act

URL = os.environ["REDIS_URL"]

app = Celery("bare", broker=URL)
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_track_started=True,
    worker_send_task_events=True,
    worker_prefetch_multiplier=1,
    task_default_queue="sagas",
)
for quiet in ("celery.app.trace", "celery.worker.strategy"):  # as in the shop's own logging
    logging.getLogger(quiet).setLevel(logging.WARNING)
redis = Redis.from_url(URL)


@app.task(name="bare.link")
def link(name: str, number: int, slow: bool) -> None:
    act(name, number, slow)
    if name == STEPS[-1]:
        redis.incr(FINISHED)


def submit(number: int, slow: bool) -> str:
    return str(chain(*(link.si(name, number, slow) for name in STEPS)).apply_async().id)


if __name__ == "__main__":
    serve(submit)
