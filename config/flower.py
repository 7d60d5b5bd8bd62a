"""`python -m config.flower …`: Flower, which lists every queue. Flower itself lists those that a worker takes."""

from __future__ import annotations

import sys

from celery.bin.celery import main as celery
from flower import urls
from flower.api.tasks import GetQueueLengths
from flower.views import BaseHandler
from flower.views.broker import BrokerView


class EveryQueue(BaseHandler):  # type: ignore[misc]
    """A page about queues: those that the settings and the subscribers name, and those of the workers."""

    def get_active_queue_names(self) -> list[str]:
        """Flower asks it."""
        from outbox.transports.queue_depths import named_queues  # Flower has loaded the apps by now

        return sorted({*super().get_active_queue_names(), self.capp.conf.task_default_queue, *named_queues()})


class Broker(EveryQueue, BrokerView):  # type: ignore[misc]
    """The page *Broker*."""


class Lengths(EveryQueue, GetQueueLengths):  # type: ignore[misc]
    """`/api/queues/length`."""


OURS = {BrokerView: Broker, GetQueueLengths: Lengths}


def list_every_queue() -> None:
    """Put the pages in the place of Flower's own."""
    for place, one in enumerate(urls.handlers):
        if isinstance(one, tuple):
            urls.handlers[place] = (one[0], OURS.get(one[1], one[1]), *one[2:])
        else:
            one.handler_class = OURS.get(one.handler_class, one.handler_class)


def main(arguments: list[str]) -> None:
    """Run it. `arguments` are Flower's own."""
    list_every_queue()
    sys.argv = ["celery", "-q", "-A", "config", "flower", *arguments]
    celery()


if __name__ == "__main__":
    main(sys.argv[1:])
