import os
import signal
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import chain
from celery.canvas import Signature
from django.db import connection

from outbox import Message, PermanentFailure, Retry, RetryAfter, publish, subscribe
from outbox.messages import trace
from outbox.transports.celery import renders

from .events import ChainWanted, ItemCounted, QuoteRefused, QuoteWanted, StepTaken
from .models import Effect
from .tasks import link

FIRST, SECOND, QUOTE = "host.first", "host.second", "host.quote"
LOOSE, KEYED, STRICT, TOGETHER = "host.loose", "host.keyed", "host.strict", "host.together"
calls: list[tuple[UUID, bool]] = []  # the message asked about, whether a transaction was open
RETRY = Retry(attempts=3, first=timedelta(milliseconds=50), longest=timedelta(milliseconds=50), jitter=0)


@subscribe(ItemCounted, name=FIRST, retry=RETRY, order="none")
def first(message: Message[ItemCounted]) -> None:
    write(FIRST, message)
    behave(message)


@subscribe(ItemCounted, name=SECOND, retry=RETRY, order="none")
def second(message: Message[ItemCounted]) -> None:
    write(SECOND, message)


def ask(message: Message[QuoteWanted]) -> str:
    """Another system's answer."""
    calls.append((message.id, connection.in_atomic_block))
    behave(message)
    return f"quote for {message.body.name}"


def refused(message: Message[QuoteWanted], error: Exception) -> None:
    publish(QuoteRefused(message.body.name, str(error)), key=message.key)


@subscribe(QuoteWanted, name=QUOTE, retry=RETRY, order="none", call=ask, gave_up=refused)
def quoted(message: Message[QuoteWanted], answer: str) -> None:
    write(QUOTE, message, answer)


@subscribe(StepTaken, name=LOOSE, retry=RETRY, order="none")
def loose(message: Message[StepTaken]) -> None:
    write(LOOSE, message)


@subscribe(StepTaken, name=KEYED, retry=RETRY)
def keyed(message: Message[StepTaken]) -> None:
    write(KEYED, message)
    behave(message)


@subscribe(StepTaken, name=STRICT, retry=RETRY, order="strict")
def strict(message: Message[StepTaken]) -> None:
    write(STRICT, message)
    behave(message)


@subscribe(StepTaken, name=TOGETHER, retry=RETRY, at_once=4)
def together(messages: list[Message[StepTaken]]) -> None:
    for message in messages:
        write(TOGETHER, message)
    for message in messages:
        behave(message)


@renders(ChainWanted)
def as_chain(event: ChainWanted) -> Signature:
    first = link.si(event.name, 0).set(queue=event.queue, headers=trace.current().headers())
    return chain(first, *(link.si(event.name, position).set(queue=event.queue) for position in (1, 2)))


def write(subscriber: str, message: Message[Any], name: str = "") -> None:
    if getattr(message.body, "behaviour", "") == "slow":
        time.sleep(0.1)
    Effect.objects.create(
        subscriber=subscriber,
        message_id=message.id,
        attempt=message.attempt,
        trace_id=message.trace.trace_id,
        name=name or message.body.name,
    )


def behave(message: Message[Any]) -> None:
    match message.body.behaviour:
        case "fail":
            raise RuntimeError("the handler fails")
        case "fail twice" if message.attempt < 3:
            raise RuntimeError("not yet")
        case "give up":
            raise PermanentFailure("no such item")
        case "wait":
            raise RetryAfter(timedelta(hours=1), "the shop is closed")
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
