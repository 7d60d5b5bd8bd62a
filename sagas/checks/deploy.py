"""For `check --deploy`: the broker drops no messages, and a task outlives the worker that runs it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from celery import current_app
from django.core.checks import CheckMessage, Error, Warning, register

from .. import tasks

PATIENCE = 2.0  # seconds, to connect and to answer: a check must not block a deploy
REDIS = ("redis://", "rediss://", "redis+socket://", "sentinel://")


@register("sagas", deploy=True)
def check_eviction(**_: Any) -> list[CheckMessage]:
    """A Redis or Valkey broker refuses new messages when its memory is full, and drops none."""
    given = current_app.conf.broker_write_url or ()
    urls = given.split(";") if isinstance(given, str) else given
    return [problem for url in urls if url.startswith(REDIS) and (problem := _eviction_problem(url)) is not None]


@register("sagas", deploy=True)
def check_task_acks(**_: Any) -> list[CheckMessage]:
    """The step tasks are acknowledged late. Otherwise the task of a killed worker waits for its lease and the sweep."""
    return [problem for task in (tasks.run_step, tasks.undo_step) for problem in _ack_problems(task)]


def _eviction_problem(url: str) -> CheckMessage | None:
    import redis  # there where the broker is one

    broker = f"The broker {urlsplit(url).hostname}"
    try:
        policy = _eviction_policy(url)
    except (redis.RedisError, OSError, ValueError) as error:
        return _unknown_policy(broker, f"{type(error).__name__}: {error}")
    if policy is None:
        return _unknown_policy(broker, "its INFO names no maxmemory_policy")
    if policy == "noeviction":
        return None
    text = f"{broker} has the maxmemory-policy {policy}: when its memory is full it drops messages in silence."
    hint = "Set maxmemory-policy to noeviction; then it refuses to take more, and the outbox keeps what is due."
    return Error(text, hint=hint, id="sagas.E014")


def _eviction_policy(url: str) -> str | None:
    """The policy, from INFO, since managed servers forbid CONFIG. Raises RedisError, OSError, ValueError."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    never = Retry(NoBackoff(), 0)
    with redis.Redis.from_url(url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE, retry=never) as client:
        info: Any = client.info("memory")
    policy = info.get("maxmemory_policy")
    return None if policy is None else str(policy)


def _unknown_policy(broker: str, why: str) -> CheckMessage:
    text = f"{broker} did not say what it does when its memory is full ({why})."
    hint = "See for yourself that its maxmemory-policy is noeviction: any other drops messages in silence."
    return Warning(text, hint=hint, id="sagas.W015")


def _ack_problems(task: Any) -> list[CheckMessage]:
    return [
        Error(f"{task.name} has {option} off: {what}", hint="Take it out of CELERY_TASK_ANNOTATIONS.", id="sagas.E016")
        for option, what in (
            ("acks_late", "a link is lost with its worker."),
            ("reject_on_worker_lost", "a link whose process is killed counts as done."),
        )
        if not getattr(task, option)
    ]
