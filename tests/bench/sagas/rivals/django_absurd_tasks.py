"""django-absurd's tasks: a coroutine whose steps do nothing, and a function three of whose steps wait."""

from __future__ import annotations

from django.tasks import task
from django_absurd import aget_absurd_context, get_absurd_context

from tests.bench.sagas.trial import STEPS, act


@task(queue_name="bench")
async def trial(number: int) -> list[dict[str, str]]:
    context = aget_absurd_context()

    async def answer(name: str) -> dict[str, str]:
        return {"reference": act(name, number, False)}

    return [await context.step(name, lambda name=name: answer(name)) for name in STEPS]


@task(queue_name="bench")
def slow_trial(number: int) -> list[dict[str, str]]:
    context = get_absurd_context()
    return [context.step(name, lambda name=name: {"reference": act(name, number, True)}) for name in STEPS]
