import os
import signal
from datetime import timedelta

from celery import chain
from celery.canvas import Signature

from outbox import Message, PermanentFailure, Retry, RetryAfter, subscribe, trace
from outbox.transports.celery import renders

from .events import ChainWanted, ItemCounted
from .models import Effect
from .tasks import link

FIRST, SECOND = "host.first", "host.second"
RETRY = Retry(attempts=3, first=timedelta(milliseconds=50), longest=timedelta(milliseconds=50), jitter=0)


@subscribe(ItemCounted, name=FIRST, retry=RETRY)
def first(message: Message[ItemCounted]) -> None:
    write(FIRST, message)
    behave(message)


@subscribe(ItemCounted, name=SECOND, retry=RETRY)
def second(message: Message[ItemCounted]) -> None:
    write(SECOND, message)


@renders(ChainWanted)
def as_chain(event: ChainWanted) -> Signature:
    first = link.si(event.name, 0).set(queue=event.queue, headers=trace.current().headers())
    return chain(first, *(link.si(event.name, position).set(queue=event.queue) for position in (1, 2)))


def write(subscriber: str, message: Message[ItemCounted]) -> None:
    Effect.objects.create(
        subscriber=subscriber,
        message_id=message.id,
        attempt=message.attempt,
        trace_id=message.trace.trace_id,
        name=message.body.name,
    )


def behave(message: Message[ItemCounted]) -> None:
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
