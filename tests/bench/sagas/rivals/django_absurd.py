"""django-absurd: `prepare`, `worker CONCURRENCY`, or `submit`. The queue is `bench`, in the database of DATABASE_URL.

It hands tasks of Django 6 to absurd's asyncio worker: coroutines as they are, functions in threads, whose every step
crosses to the event loop and back. It polls: every 20 ms here, twelve times as often as by default.
"""

from __future__ import annotations

import sys

import django
from django.conf import settings
from django.core.management import call_command

from tests.bench.outbox.rivals.database import databases
from tests.bench.sagas.protocol import serve

POLL = 0.02  # seconds


def configure() -> None:
    backend = {"BACKEND": "django_absurd.backends.AbsurdBackend", "OPTIONS": {"QUEUES": {"bench": {}}}}
    settings.configure(
        SECRET_KEY="bench",
        USE_TZ=True,
        DATABASES=databases(),
        INSTALLED_APPS=["django_absurd"],
        TASKS={"default": backend},
    )
    django.setup()


def work(concurrency: int) -> None:
    from django.tasks import task_backends
    from django_absurd.worker import WorkerOptions, run_worker

    options = WorkerOptions(concurrency=concurrency, poll_interval=POLL)
    run_worker(task_backends["default"], "bench", options=options, on_started=lambda: print("ready.", flush=True))


def submit() -> None:
    from tests.bench.sagas.rivals.django_absurd_tasks import slow_trial, trial

    def one(number: int, slow: bool) -> str:
        result = (slow_trial if slow else trial).enqueue(number)
        return str(result.id).removeprefix("bench:")

    serve(one)


if __name__ == "__main__":
    configure()
    match sys.argv[1]:
        case "prepare":
            call_command("migrate", verbosity=0)
        case "worker":
            work(int(sys.argv[2]))
        case _:
            submit()
