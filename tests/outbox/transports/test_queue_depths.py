"""How many messages wait in a queue, whichever the broker is; a queue that nobody has declared holds none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from outbox.transports import queue_depths
from outbox.transports.queue_depths import Depth


class NotFound(Exception):
    """As AMQP says it."""

    reply_code = 404


class Refused(Exception):
    reply_code = 403


class AMQP:
    """A broker that closes the channel on which it finds no queue, as RabbitMQ does."""

    channel_errors = (NotFound, Refused)

    def __init__(self, queues: dict[str, int]) -> None:
        self.queues = queues

    def channel(self) -> Any:
        is_open = [True]

        def declare(name: str, *, passive: bool) -> Any:
            assert passive, "nothing is made by a look"
            assert is_open[0]
            if name == "forbidden":
                raise Refused
            if name not in self.queues:
                is_open[0] = False
                raise NotFound
            return SimpleNamespace(message_count=self.queues[name])

        return SimpleNamespace(queue_declare=declare)


def test_a_queue_that_does_not_exist_is_empty_and_keeps_no_other_from_being_asked():
    found = dict(queue_depths._depths(AMQP({"b": 3, "c": 0}), ["a", "b", "c"]))
    assert found == {"a": Depth(0, ""), "b": Depth(3, ""), "c": Depth(0, "")}


def test_another_refusal_is_an_error():
    with pytest.raises(Refused):
        dict(queue_depths._depths(AMQP({}), ["forbidden"]))


@pytest.mark.parametrize(
    ("routes", "tasks"),
    [
        (None, set()),
        ({"a.b": {"queue": "x"}, "c.*": {"queue": "y"}}, {"a.b", "c.*"}),
        ([{"a.b": {"queue": "x"}}, lambda *_: None], {"a.b"}),
    ],
)
def test_routes_of_every_shape_are_read(routes, tasks):
    assert set(queue_depths._routed(routes)) == tasks
