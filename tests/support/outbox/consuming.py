"""A stream of another service, and consumers of it, for tests."""

import json
import threading
from datetime import timedelta
from typing import Any

from django.conf import settings
from redis import Redis

from outbox.streams.consumer import Consumer
from outbox.transports.streams import StreamsTransport

from .outgoing import envelope, outgoing

STREAM, GROUP = "orders", "billing"
NAME = f"{STREAM}/{GROUP}"
SHORT = timedelta(milliseconds=1)


def send(*names: str, behaviour: str = "succeed", key: str = "") -> None:
    """Events as another project's relay would send them."""
    batch = []
    for one in outgoing(*names, key=key):
        body = {**json.loads(one.envelope.payload), "behaviour": behaviour}
        batch.append(one._replace(envelope=one.envelope._replace(payload=json.dumps(body))))
    sent = StreamsTransport(stream=STREAM, source="https://shop.example", url=settings.REDIS_URL).publish(batch)
    assert len(sent.rows) == len(names), sent


def send_event(client: Redis, **attributes: object) -> None:
    """A CloudEvent that another system made."""
    least = {"specversion": "1.0", "id": "A-17", "source": "urn:partner", "type": "host.item_counted", "dataversion": 2}
    data = json.loads(envelope("a", "k").payload)
    client.xadd(STREAM, {"event": json.dumps({**least, "data": data, **attributes})})


def consumer(name: str = "one", **options: Any) -> Consumer:
    made = Consumer(stream=STREAM, group=GROUP, name=name, url=settings.REDIS_URL, **options)
    made.join_group()
    return made


def turn(one: Consumer) -> int:
    return one.run_once(threading.Event(), SHORT)


def pending(client: Redis) -> int:
    found: Any = client.xpending(STREAM, GROUP)
    return int(found["pending"])
