"""A task's message from a template is what kombu would have written, and kombu writes it wherever it might differ."""

import json
import time
from base64 import b64decode
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from celery import _state, chain, current_app, signals
from celery.canvas import Signature, maybe_signature
from django.conf import settings

from orders.sagas import checkout
from outbox.messages import trace
from outbox.transports import task_messages
from outbox.transports.celery import apply_with, publish_all, tasks_of
from outbox.transports.task_messages import BatchPublishError
from sagas.engine.run_ready import RunReady
from sagas.worker.chains import chain_of, send_next

QUEUE = "templates"
AN_HOUR = 3600
TASKS: Any = vars(_state)["_task_stack"]
"""What Celery's worker tells of the tasks that it runs."""


def task(*args, name="templates.any", **options) -> Signature:
    return current_app.signature(name, args=args, immutable=True, **{"queue": QUEUE, **options})


@pytest.fixture
def client():
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture
def producer():
    with current_app.producer_pool.acquire(block=True) as producer:
        task_messages.forget()
        yield producer
        task_messages.forget()


def read(client, queue=QUEUE) -> list[dict[str, Any]]:
    """The messages of the queue in the order in which they were published, without what is drawn for each."""
    return [blanked(json.loads(text)) for text in reversed(client.lrange(queue, 0, -1))]


def blanked(message: dict[str, Any]) -> dict[str, Any]:
    headers, properties = message["headers"], message["properties"]
    own = headers["id"]
    assert UUID(own) != UUID(properties.pop("delivery_tag"))
    assert properties["correlation_id"] == own
    if "sent_at" in headers:  # as Celery's own next task of a chain has not
        headers["sent_at"] = abs(time.time() - headers["sent_at"]) < AN_HOUR
    properties["correlation_id"] = headers["id"] = "own"
    if headers["root_id"] == own:
        headers["root_id"] = "own"
    message["body"] = json.loads(b64decode(message["body"]))
    return message


def both(client, producer, make, queue=QUEUE):
    """What kombu writes, and what templates write, a first and a second time."""
    apply_with(make(), producer)
    by_kombu = read(client, queue)
    client.delete(queue)
    for _ in range(2):
        assert task_messages.push([tasks_of(make())], producer)
    by_template = read(client, queue)
    client.delete(queue)
    return by_kombu, by_template


HEADERS = {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "X-Request-Id": "r"}
ENVELOPE = {"id": str(UUID(int=1)), "type": "host.item_counted", "payload": '{"a": "é"}', "attempts": 0}


@pytest.mark.parametrize(
    "make",
    [
        lambda: task("s", ENVELOPE, name="outbox.deliver", shadow="s", argsrepr="(x)", headers=HEADERS),
        lambda: task("s", ENVELOPE, name="outbox.deliver"),
        lambda: task("s", ["k"], [1, 2], False, name="outbox.deliver_open", shadow="s"),
        lambda: task("x" * 3000, 1.5, None, [True, {"a": [1]}]),
        lambda: task("a", time_limit=12.5, headers=HEADERS),
        lambda: chain(task("a", headers=HEADERS), task("b", time_limit=3), task("c"), app=current_app),
    ],
    ids=["deliver", "bare", "deliver_open", "long", "limit", "chain"],
)
def test_kombu_writes_the_same(client, producer, make):
    by_kombu, by_template = both(client, producer, make)
    assert by_template == by_kombu * 2
    assert [one["headers"]["sent_at"] for one in by_template] == [True, True]


def test_a_run_s_chain_is_the_same(client, producer):
    ready = RunReady(uuid4(), checkout.name, checkout.version, False, 0)
    with trace.use(trace.start()):
        by_kombu, by_template = both(client, producer, lambda: chain_of(ready), "sagas")
    assert by_template == by_kombu * 2


def test_each_message_has_its_own_arguments_and_headers(client, producer):
    made = [task("s", {"n": n}, headers={**HEADERS, "X-Request-Id": str(n)}) for n in range(3)]
    assert task_messages.push(map(tasks_of, made), producer)
    assert [(one["headers"]["X-Request-Id"], one["body"][0][1]["n"]) for one in read(client)] == [
        ("0", 0),
        ("1", 1),
        ("2", 2),
    ]


@contextmanager
def within(parent: str):
    """What runs here publishes as the body of a Celery task does."""
    relay = current_app.tasks["outbox.relay"]
    TASKS.push(relay)
    relay.push_request(id=parent, root_id=f"root of {parent}", called_directly=False)
    try:
        yield
    finally:
        relay.pop_request()
        TASKS.pop()


def test_children_of_a_task_name_it(client, producer):
    """As when a Celery task relays; one template serves the children of all tasks."""
    for parent in ("first", "second"):
        with within(parent):
            by_kombu, by_template = both(client, producer, lambda: task("s"))
        assert by_template == by_kombu * 2
        headers = by_template[0]["headers"]
        assert (headers["parent_id"], headers["root_id"]) == (parent, f"root of {parent}")


def test_the_next_task_of_a_chain_is_the_one_that_celery_sends(client, producer):
    """Which publishes it after the body of the one before: `celery.app.trace`."""
    whole: Any = chain_of(RunReady(uuid4(), checkout.name, checkout.version, False, 0))
    links = [dict(one) for one in whole.tasks][::-1]
    with within("first"):
        left = [dict(one) for one in links]
        following: Any = maybe_signature(left.pop(), app=current_app)
        following.apply_async((None,), chain=left, parent_id="first", root_id="root of first", priority=None)
        assert send_next(links)
    by_celery, by_template = read(client, "sagas")
    assert by_template["headers"].pop("sent_at") is True
    assert by_template == by_celery
    assert [task["args"][-1] for task in by_template["body"][2]["chain"]] == [
        step.name for step in reversed(checkout.steps[1:])
    ]


def listening(**_):
    """A receiver of a signal."""


@contextmanager
def connected(signal):
    signal.connect(listening)
    try:
        yield
    finally:
        signal.disconnect(listening)


@pytest.mark.parametrize("signal", [signals.before_task_publish, signals.after_task_publish])
def test_who_listens_to_publishing_has_kombu_publish(client, producer, signal):
    with connected(signal):
        assert not task_messages.push([tasks_of(task("s"))], producer)
    assert read(client) == []
    assert task_messages.push([tasks_of(task("s"))], producer)


@pytest.mark.parametrize(
    ("name", "value"),
    [("task_serializer", "yaml"), ("task_compression", "gzip"), ("task_send_sent_event", True)],
)
def test_other_settings_have_kombu_publish(producer, name, value):
    before = current_app.conf[name]
    current_app.conf[name] = value
    try:
        assert not task_messages.push([tasks_of(task("s"))], producer)
    finally:
        current_app.conf[name] = before
    assert task_messages.push([tasks_of(task("s"))], producer)


def test_arguments_that_the_task_does_not_take_fail_as_kombu_has_them_fail(client, producer):
    right, wrong = task("s", ENVELOPE, name="outbox.deliver"), task("s", name="outbox.deliver")
    for _ in range(2):  # before the shape is known, and after
        assert not task_messages.push([tasks_of(right), tasks_of(wrong)], producer)
    assert read(client) == []
    with pytest.raises(TypeError, match="envelope"):
        publish_all([wrong])


@pytest.mark.parametrize(
    "signature",
    [
        task(UUID(int=1)),
        task("s", headers={"of": UUID(int=1)}),
        task("s", kwargs={"a": 1}),
        task("s", countdown=3),
        task("s", expires=3),
        task("s", priority=3),
        task("s", link=task("t")),
        chain(task("a"), task("b", priority=1) | task("c"), app=current_app).set(countdown=1),
    ],
    ids=["argument", "header", "kwargs", "countdown", "expires", "priority", "link", "chain"],
)
def test_what_is_not_plain_has_kombu_publish_all_of_it(client, producer, signature):
    assert not task_messages.push([tasks_of(task("s")), tasks_of(signature)], producer)
    assert read(client) == []
    publish_all([task("first"), signature])
    assert client.llen(QUEUE) >= 1


def test_a_function_that_routes_has_kombu_publish(producer, monkeypatch):
    monkeypatch.setattr(current_app.amqp.router, "routes", [lambda name, *_, **__: {"queue": "routed"}])
    assert not task_messages.push([tasks_of(task("s"))], producer)


def test_a_batch_that_redis_does_not_confirm_is_in_doubt(producer, monkeypatch):
    assert task_messages.push([tasks_of(task("s"))], producer)

    def lost(*_, **__):
        raise redis.ConnectionError("lost")

    monkeypatch.setattr(redis.client.Pipeline, "execute", lost)
    with pytest.raises(BatchPublishError):
        task_messages.push([tasks_of(task("s"))], producer)
