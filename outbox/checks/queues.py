"""Checks that our tasks go to queues that the settings name.

Which queues a worker takes is known only to its command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from celery import Celery, current_app
from celery.exceptions import QueueNotFound
from django.core.checks import CheckMessage, Error, Warning, register

from .. import tasks as tasks  # importing registers the tasks with Celery
from ..schedule import ROUTES


@register("outbox")
def check_queues(**_: object) -> list[CheckMessage]:
    """The tasks of this app."""
    return queue_problems("outbox.")


@register("outbox")
def check_routes(**_: object) -> list[CheckMessage]:
    """This app's tasks have queues of their own."""
    return unrouted(ROUTES)


def unrouted(routes: Iterable[str], app: Celery = current_app) -> list[CheckMessage]:
    """Those of the tasks that no route of the project's takes."""
    names = [name for name in sorted(routes) if app.amqp.router.lookup_route(name, (), {}, {}, None) is None]
    if not names:
        return []
    verb = "has no route: it waits" if len(names) == 1 else "have no route: they wait"
    text = f"{', '.join(names)} {verb} in the queue {app.conf.task_default_queue}, behind your own tasks."
    hint = (
        "Set CELERY_TASK_ROUTES by celery_settings() of `outbox.schedule`, or of `sagas.schedule` where there are "
        "sagas; or name a queue for each, also if it is that one."
    )
    return [Warning(text, hint=hint, id="outbox.W028")]


def queue_problems(ours: str, app: Celery = current_app) -> list[CheckMessage]:
    """What is wrong with the queues of the tasks whose names begin with `ours`; the tasks must be imported."""
    return [*_unknown_tasks(ours, app), *_unknown_queues(ours, app)]


def _unknown_tasks(ours: str, app: Celery) -> Iterator[CheckMessage]:
    """A route with a misspelt task name routes nothing."""
    routes = app.conf.task_routes
    names = [name for name in routes if isinstance(name, str)] if isinstance(routes, dict) else []
    for name in sorted(names):
        if name.startswith(ours) and name not in app.tasks and "*" not in name:
            known = ", ".join(sorted(task for task in app.tasks if task.startswith(ours)))
            text = f"CELERY_TASK_ROUTES routes {name}, and there is no such task."
            yield Warning(text, hint=f"Write one of {known}.", id="outbox.W007")


def _unknown_queues(ours: str, app: Celery) -> Iterator[CheckMessage]:
    """When the settings name the queues, a task that goes to another queue waits forever."""
    declared = app.conf.task_queues
    names = {getattr(queue, "name", queue) for queue in declared} if declared else set()
    for task in sorted(name for name in app.tasks if name.startswith(ours)):
        try:
            route: dict[str, Any] = app.amqp.router.route({}, task)
        except QueueNotFound:
            text = f"{task} is routed to a queue that does not exist and must not be created: sending it fails."
            yield Error(text, hint="Name the queue in CELERY_TASK_QUEUES.", id="outbox.E009")
            continue
        queue = getattr(route.get("queue"), "name", None) or app.conf.task_default_queue
        if names and queue not in names:
            text = f"{task} goes to the queue {queue}, which CELERY_TASK_QUEUES does not name: workers do not take it."
            yield Warning(text, hint="Name it there, or route the task to one that is named.", id="outbox.W008")
