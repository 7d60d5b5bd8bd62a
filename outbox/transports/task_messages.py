"""Task messages for Redis from a template: what kombu writes for one task serves for all tasks of its shape.

Celery and kombu take some 225 µs to turn a signature into the text that a worker reads, and nearly all of it comes out
the same for every task of one name, queue and options. So the first of a shape goes through them, on a channel that
keeps what would be sent; each one after it is that text with its own id, arguments and headers.

This is for plain tasks, and chains of them, with the options below. kombu is asked each time when a project listens to
Celery's signals of publishing, routes by a function of its own, or uses another serializer or another broker.
"""

from __future__ import annotations

import base64
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast

import msgspec
from celery import Task, current_app, signals
from celery.app.routes import MapRoute
from celery.backends.base import DisabledBackend
from celery.canvas import Signature
from celery.utils.saferepr import saferepr
from kombu import exceptions as kombu_exceptions
from kombu.exceptions import OperationalError
from kombu.utils.uuid import uuid

from ..messages import sending_time

Shape = tuple[Any, ...]
OPTIONS = frozenset({"shadow", "argsrepr", "headers", "queue", "time_limit"})
"""Those of a task whose message a template can make. Those of a chain's later tasks travel in the body."""
SHAPED_BY = ("shadow", "queue", "time_limit")
"""Options that come out in the message's fixed part."""

BatchPublishError: type[Exception] = vars(kombu_exceptions)["BatchPublishError"]  # newer than the type stubs

_encode = msgspec.json.Encoder().encode


class Command(NamedTuple):
    """What Redis is told: push the text to the list."""

    key: str
    text: bytes


class Tasks(NamedTuple):
    """A task to publish, and those of its chain that follow it, the last one first, as Celery keeps them."""

    first: Signature[Any]
    rest: Sequence[Signature[Any]]


class Template:
    """The message of one shape.

    `message` is what kombu wrote: `headers`, `properties` and the rest, as the worker reads it. `check` raises
    TypeError for arguments that the task does not take.
    """

    def __init__(self, key: str, message: dict[str, Any], check: Callable[..., object] | None) -> None:
        self._check = check
        self._key = key
        self._message = message
        self._headers = message["headers"]
        self._properties = message["properties"]

    def command(self, tasks: Tasks) -> Command:
        """What publishes the tasks. Their arguments are plain; see `is_plain`. Raises TypeError for wrong ones."""
        if self._check is not None:
            self._check(*tasks.first.args)
        task_id, options = uuid(), tasks.first.options
        embed = {"callbacks": None, "errbacks": None, "chain": tasks.rest or None, "chord": None}
        body = base64.b64encode(_encode((tasks.first.args, tasks.first.kwargs, embed)))
        parent_id, root_id = _family()
        headers = {
            **self._headers,
            "id": task_id,
            "parent_id": parent_id,
            "root_id": root_id or task_id,
            "argsrepr": _argsrepr(tasks.first),
            **sending_time.stamped(options.get("headers")),
        }
        properties = {**self._properties, "correlation_id": task_id, "delivery_tag": uuid()}
        message = {**self._message, "body": body.decode(), "headers": headers, "properties": properties}
        return Command(self._key, _encode(message))


class Templates:
    """Those that one channel has learnt, for the thread that publishes on it: it says where answers would go."""

    def __init__(self) -> None:
        self._owner: int | None = None
        self._by_shape: dict[Shape, Template | None] = {}

    def of(self, tasks: Tasks, channel: Any) -> Template | None:
        """The template of the tasks' shape, learnt now if need be; None when kombu has to be asked each time."""
        owner = threading.get_ident()
        if owner != self._owner:
            self._owner, self._by_shape = owner, {}
        shape = _shape(tasks)
        if shape not in self._by_shape:
            self._by_shape[shape] = _learn(tasks, channel)
        return self._by_shape[shape]


_templates: weakref.WeakKeyDictionary[Any, Templates] = weakref.WeakKeyDictionary()


def forget() -> None:
    """Have every template learnt anew, as after a change of Celery's settings."""
    _templates.clear()


def push(all_tasks: Iterable[Tasks | None], producer: Any) -> bool:
    """Publish the tasks in their order and one round trip; False, with nothing sent, when kombu has to publish some.

    Raises OperationalError when the broker cannot be reached, BatchPublishError when any of them may have arrived.
    """
    try:
        made = _commands(all_tasks, producer)
    except producer.connection.connection_errors as error:
        raise OperationalError(str(error)) from error
    if not made:
        return False
    try:
        with producer.channel.conn_or_acquire() as client, client.pipeline(transaction=False) as pipeline:
            for command in made:
                pipeline.lpush(command.key, command.text)
            pipeline.execute()
    except Exception as error:
        raise BatchPublishError("Redis did not confirm the batch; some of it may have arrived.") from error
    return True


def _commands(all_tasks: Iterable[Tasks | None], producer: Any) -> list[Command] | None:
    if not is_usable(producer):
        return None
    known = _templates.setdefault(producer.channel, Templates())
    made: list[Command] = []
    for tasks in all_tasks:
        if tasks is None or not _is_simple(tasks):
            return None
        try:
            template = known.of(tasks, producer.channel)
            if template is None:
                return None
            made.append(template.command(tasks))
        except OperationalError:
            raise
        except Exception:  # the message's own, wrong arguments for one: kombu raises it again, for this message alone
            return None
    return made


def is_usable(producer: Any) -> bool:
    """Whether nobody but kombu's own Redis transport, with JSON, has a say in what is published."""
    app: Any = current_app  # whose router and tasks have more than the type stubs say
    conf = app.conf
    return (
        producer.supports_batch_publish
        and _is_redis(producer.channel)
        and not any(signal.receivers for signal in PUBLISHING)
        and all(isinstance(route, MapRoute) for route in app.amqp.router.routes or ())
        and not (conf.task_always_eager or conf.task_send_sent_event or conf.task_compression)
        and not conf.task_inherit_parent_priority
        and conf.task_serializer == "json"
        and conf.task_protocol == 2
    )


def _is_redis(channel: Any) -> bool:
    """Whether it is kombu's own for Redis, which kombu has imported then; redis-py need not be installed."""
    module = sys.modules.get("kombu.transport.redis")
    return module is not None and isinstance(channel, module.Channel)


PUBLISHING: tuple[Any, ...] = (signals.before_task_publish, signals.after_task_publish, vars(signals)["task_sent"])


def is_plain(value: object) -> bool:
    """Whether kombu writes the value as any JSON encoder does: it has a form of its own for dates, ids and the like."""
    kind = type(value)
    if kind is dict:
        held = cast(dict[object, object], value)
        return all(type(key) is str for key in held) and all(map(is_plain, held.values()))
    if kind is list or kind is tuple:
        return all(map(is_plain, cast(Sequence[object], value)))
    return kind in (str, int, bool, float, type(None))


def _is_simple(tasks: Tasks) -> bool:
    first = tasks.first
    return (
        first.options.keys() <= OPTIONS
        and is_plain(first.options)
        and is_plain(first.args)
        and not first.kwargs
        and all(is_plain(dict(task)) for task in tasks.rest)
    )


def _shape(tasks: Tasks) -> Shape:
    options = tasks.first.options
    return (tasks.first.task, *map(options.get, SHAPED_BY))


def _learn(tasks: Tasks, channel: Any) -> Template | None:
    """Have Celery and kombu write the message, and take from it what is the same for all of its shape."""
    app: Any = current_app
    task = app.tasks.get(tasks.first.task)
    if task is not None and type(task).apply_async is not Task.apply_async:
        return None
    kept = Keeping(channel)
    producer = app.amqp.Producer(kept, auto_declare=False)
    tasks.first.apply_async(producer=producer, retry=False, chain=list(tasks.rest) or None, add_to_parent=False)
    if len(kept.commands) != 1 or kept.commands[0][0] != "lpush":
        return None  # more than the message: an expiry of the queue, several queues
    _, (key, text) = kept.commands[0]
    message = msgspec.json.decode(text)
    headers, properties = message["headers"], message["properties"]
    parent_id, root_id = _family()
    is_known = (
        (message["content-type"], message["content-encoding"]) == ("application/json", "utf-8")
        and properties["body_encoding"] == "base64"
        and properties["correlation_id"] == headers["id"]
        and (headers["parent_id"], headers["root_id"]) == (parent_id, root_id or headers["id"])
        and (headers["ignore_result"] or isinstance(current_app.backend, DisabledBackend))
        and not (headers["stamped_headers"] or headers["eta"] or headers["expires"])
    )
    for name in tasks.first.options.get("headers", {}):
        del headers[name]
    check = task.__header__ if task is not None and task.typing else None
    return Template(key, message, check) if is_known else None


class Keeping:
    """A channel on which nothing is published: `commands` holds what Redis would have been told.

    It stands in for kombu's own `PublishBatch`, to which a channel gives its commands.
    """

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self.commands: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def basic_publish(self, message: Any, **options: Any) -> None:
        self._channel.basic_publish(message, _publish_batch=self, **options)

    def add(self, name: str, *args: Any) -> None:
        self.commands.append((name, args))


def _argsrepr(task: Signature[Any]) -> str:
    """What Flower shows, as Celery cuts it."""
    known = task.options.get("argsrepr")
    if known is not None:
        return cast(str, known)
    amqp = current_app.amqp
    return saferepr(task.args, amqp.argsrepr_maxsize, maxlevels=current_app.conf.task_repr_maxlevels)


def _family() -> tuple[str | None, str | None]:
    """The Celery task that publishes, whose children these are, and the first of them all; None outside of one."""
    parent = current_app.current_worker_task
    if parent is None or not parent.request:
        return None, None
    return parent.request.id, parent.request.root_id or parent.request.id
