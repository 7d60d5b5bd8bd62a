"""The settings for the broker, for beat and for participants fit the engine."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from ..declare import registry, schedule_registry
from ..participants.configured import participant_problems
from ..settings import saga_settings
from ..worker.chains import task_seconds

KOMBU_DEFAULT = 3600  # seconds; kombu's default visibility timeout for Redis


@register("sagas")
def check_broker(**_: Any) -> list[CheckMessage]:
    """Each task ends before the broker delivers its message again."""
    options = getattr(settings, "CELERY_BROKER_TRANSPORT_OPTIONS", None) or {}
    timeout = options.get("visibility_timeout", KOMBU_DEFAULT)
    found: list[CheckMessage] = []
    for saga in registry.all_sagas():
        for step in saga.steps:
            if task_seconds(step) >= timeout:
                hint = "Raise visibility_timeout in CELERY_BROKER_TRANSPORT_OPTIONS, or shorten the step's timeout."
                longest = f"A task that ends with {step.title} may take {task_seconds(step):g} s"
                text = f"{longest}; the broker redelivers after {timeout} s."
                found.append(Error(text, hint=hint, id="sagas.E010"))
    if saga_settings.SHORT_WAIT.total_seconds() * 3 > timeout:
        text = f"SAGAS_SHORT_WAIT is above a third of the broker's visibility timeout, {timeout} s."
        found.append(Error(text, hint="Lower it: a longer wait rides on the sweep.", id="sagas.E011"))
    return found


@register("sagas")
def check_participants(**_: Any) -> list[CheckMessage]:
    """Each name in SAGAS_PARTICIPANTS is the participant of some step."""
    return participant_problems()


@register("sagas", Tags.compatibility)
def check_kombu(**_: Any) -> list[CheckMessage]:
    """kombu is 5.7 or later. Before, workers take no messages after a lost Redis connection, and it has no batches."""
    version = metadata.version("kombu")
    if tuple(int(part) for part in version.split(".")[:2]) < (5, 7):
        return [Error(f"kombu {version} is too old.", hint="Install kombu 5.7 or later.", id="sagas.E012")]
    return []


@register("sagas")
def check_schedule(**_: Any) -> list[CheckMessage]:
    """Beat starts the sweep. The outbox checks that it starts the relay."""
    beat: dict[str, dict[str, Any]] = getattr(settings, "CELERY_BEAT_SCHEDULE", None) or {}
    if any(entry.get("task") == "sagas.sweep" for entry in beat.values()):
        return []
    text = "Nothing runs the sweep: a run whose message is lost, or whose retry is due, waits for ever."
    hint = "Have beat run the task sagas.sweep each second: add it to CELERY_BEAT_SCHEDULE."
    return [Warning(text, hint=hint, id="sagas.W013")]


@register("sagas")
def check_upkeep(**_: Any) -> list[CheckMessage]:
    """Beat runs what else is to be done again and again."""
    beat: dict[str, dict[str, Any]] = getattr(settings, "CELERY_BEAT_SCHEDULE", None) or {}
    sent = {entry.get("task") for entry in beat.values()}
    needed = [
        (
            "sagas.bulk",
            "second",
            "acts on many runs that an operator orders in the admin are never done.",
            "sagas.W022",
        ),
        ("sagas.prune", "hour", "runs that ended are kept for ever.", "sagas.W023"),
    ]
    if saga_settings.KEEP_FINISHED is None:
        needed.pop()
    if schedule_registry.all_schedules():
        needed.append(("sagas.schedules", "second", "no schedule starts anything.", "sagas.W046"))
    return [
        Warning(
            f"Nothing runs {task}: {what}",
            hint=f"Have beat run the task {task} each {often}: add it to CELERY_BEAT_SCHEDULE.",
            id=id,
        )
        for task, often, what, id in needed
        if task not in sent
    ]
