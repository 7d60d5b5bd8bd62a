"""A message is known again in Redis by its key, whatever it is wrapped in."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import replace

import pytest

from tests.bench.errors import BenchError
from tests.bench.outbox import arrivals as module
from tests.bench.outbox.arrivals import Arrivals, key, stream_entries
from tests.bench.outbox.contenders import BARE
from tests.bench.outbox.event import STREAM


@pytest.fixture(params=["stream", "list"])
def arrivals(request):
    one = Arrivals(os.environ["REDIS_URL"], replace(BARE, arrives=request.param))
    one.clear()
    yield one
    one.clear()
    one.close()


def send(arrivals, number):
    if arrivals.is_stream:
        arrivals.redis.xadd(STREAM, {"id": f"id-{number}", "key": key(number)})
    else:
        body = base64.b64encode(b"[]").decode()
        message = {"body": body, "headers": {"argsrepr": f"(bench.order_placed, {key(number)}, id)"}}
        arrivals.redis.lpush(STREAM, json.dumps(message))


def test_messages_are_counted_with_their_copies(arrivals):
    for number in (1, 2, 2):
        send(arrivals, number)
    assert arrivals.count() == 3


def test_the_time_of_each_message_is_that_of_its_first_copy(arrivals):
    for number in (7, 1, 0, 1, 2):
        send(arrivals, number)
    came = arrivals.collect(range(3))
    assert list(came) == [0, 1, 2]
    if not arrivals.is_stream:  # read one by one
        assert came[1] < came[0] < came[2]


def test_messages_that_do_not_come_are_counted_in_an_error(arrivals, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    monkeypatch.setattr(module, "LISTEN", 0.01)
    send(arrivals, 1)
    with pytest.raises(BenchError, match=r"2 of 3 messages did not come\."):
        arrivals.collect(range(3))


@pytest.mark.parametrize("answer", [[[b"bench", [(b"1-0", {b"k": b"v"})]]], {b"bench": [[(b"1-0", {b"k": b"v"})]]}])
def test_an_answer_to_xread_is_read_in_either_protocol(answer):
    assert stream_entries(answer) == [(b"1-0", {b"k": b"v"})]
    assert stream_entries(None) == stream_entries({}) == []
