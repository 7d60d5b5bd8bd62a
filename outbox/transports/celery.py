"""Messages as Celery tasks: one `outbox.deliver` for each subscriber, or the signature that an event is rendered to.

Subscribers that pull (in order, or several at once) get an `outbox.deliver_open` instead, after the mark; it says what
to look for.

A batch is one pipeline to Redis: of messages from templates (`task_messages`), else through kombu's `Producer.batch`.
Brokers without it get the messages one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar, cast

from celery import current_app
from celery.canvas import Signature, _chain
from django.db import DatabaseError
from kombu.exceptions import OperationalError

from ..consuming import watermarks
from ..declare.events import registry
from ..errors import CannotRead, OutboxDeclarationError
from ..messages import codec, sending_time, trace
from ..messages.envelope import Envelope
from . import Outgoing, Sent, StoppedKeys, Wakeup, task_messages, wakeups
from .task_messages import BatchPublishError, Tasks

T = TypeVar("T")
Renderer = Callable[[Any], Signature]
TASKS_AT_ONCE = 100_000  # far above any batch, so that there is one flush, at the end

InCommon = Callable[[Sequence[Any]], Sequence[Sequence[Signature] | None]]

renderers: dict[tuple[str, int], Renderer] = {}
in_common_of: dict[tuple[str, int], InCommon] = {}


def renders(
    event_type: type[T], *, in_common: Callable[[Sequence[T]], Sequence[Sequence[Signature] | None]] | None = None
) -> Callable[[Callable[[T], Signature]], Callable[[T], Signature]]:
    """Let the function turn each such event into a Celery signature, a chain for example, in place of subscribers.

    Declare it where every process imports it, such as the app's `subscribers` module. The tasks run at least once and
    must tolerate that: there is no inbox, and no delivery is kept. Each task carries the message's trace in the headers
    `traceparent` and `X-Request-Id`. `in_common` is asked first, with all such events of a batch, in order: it returns
    the tasks for each, be it none, or None for one that the function is to render. Raises OutboxDeclarationError for a
    class that is no event, or that is already rendered.
    """
    declared = registry.event_of(event_type)

    def add(render: Callable[[T], Signature]) -> Callable[[T], Signature]:
        other = renderers.get((declared.name, declared.version))
        if other is not None and other.__qualname__ != render.__qualname__:
            raise OutboxDeclarationError(
                f"{declared.name} is rendered twice, by {other.__qualname__} and {render.__qualname__}."
            )
        renderers[declared.name, declared.version] = render
        if in_common is not None:
            in_common_of[declared.name, declared.version] = in_common
        return render

    return add


class CeleryTransport:
    """Publishes through the broker of the current Celery app."""

    def recipients(self, envelope: Envelope) -> tuple[str, ...]:
        """None for a rendered event: its tasks are no subscribers."""
        name, version = envelope.type, envelope.version
        if (name, version) in renderers:
            return ()
        if not registry.knows(name) or any(rendered == name for rendered, _ in renderers):
            raise CannotRead(
                f"{name} version {version} is not declared here. Deploy the code that declares it, then requeue."
            )
        return registry.subscribers_of(name)

    def publish(self, batch: Sequence[Outgoing]) -> Sent:
        """One round trip; when its result is uncertain, each message is sent again by itself."""
        sent, keys = Sent(), StoppedKeys()
        rendered = _render_all(batch, sent)
        if not any(signatures for _, signatures in rendered):
            return Sent(rows=[one.row for one, _ in rendered], failed=sent.failed)
        try:
            with _producer() as producer:
                if task_messages.push(_all_tasks(rendered), producer):
                    return Sent(rows=[one.row for one, _ in rendered], failed=sent.failed)
                with producer.batch(max_size=TASKS_AT_ONCE):
                    for one, signatures in rendered:
                        _send(one, signatures, producer, sent, keys)
        except BatchPublishError:
            return _publish_singly(rendered, sent.failed)
        except OperationalError as error:
            return Sent(failed=sent.failed, outage=error)
        return sent

    def queue_of(self, subscriber: str) -> str:
        """The queue that the subscriber names, or the one to which the app routes its task."""
        task = "outbox.deliver_open" if registry.pulls(subscriber, "any") else "outbox.deliver"
        return _named_queue(subscriber).get("queue") or watermarks.queue_of(task)

    def wake(self, marked: Sequence[Outgoing], *, again: bool = False) -> Exception | None:
        """One round trip. After an uncertain result subscribers are woken again, which does no harm."""
        signatures = [wakeup_task(wakeup, again=again) for wakeup in wakeups(marked)]
        if not signatures:
            return None
        try:
            publish_all(signatures)
        except (BatchPublishError, OperationalError) as error:
            return error
        return None


Rendered = list[tuple[Outgoing, list[Signature]]]


def publish_all(signatures: Sequence[Any]) -> None:
    """Publish tasks and chains in one round trip.

    Raises BatchPublishError, after which some may be out, or OperationalError.
    """
    with _producer() as producer:
        if task_messages.push((tasks_of(signature) for signature in signatures), producer):
            return
        with producer.batch(max_size=TASKS_AT_ONCE):
            for signature in signatures:
                apply_with(signature, producer)


def publish_from_template(first: Signature, rest: Sequence[Signature]) -> bool:
    """Publish a task, with those of its chain that follow it, the last one first; False where Celery has to do it.

    Raises as `publish_all` does.
    """
    with _producer() as producer:
        return task_messages.push([Tasks(first, rest)], producer)


def _producer() -> AbstractContextManager[Any]:
    """One of the app's producers; waits while other threads use all of them."""
    return cast(AbstractContextManager[Any], current_app.producer_pool.acquire(block=True))


def _render_all(batch: Sequence[Outgoing], sent: Sent) -> Rendered:
    """The signatures of each message. A message that cannot be rendered fails before anything is sent.

    It stops its key: earlier messages of the key go out, later ones do not.
    """
    rendered: Rendered = []
    keys = StoppedKeys()
    shared = _render_in_common(batch, sent)
    for one in batch:
        if one.row in sent.failed:
            keys.stop(one.envelope)
        if one.row in sent.failed or keys.stopped(one.envelope):
            continue
        try:
            tasks = shared.get(one.row)
            rendered.append((one, _render(one) if tasks is None else list(tasks)))
        except Exception as error:  # a bug in a renderer fails only this message
            sent.failed[one.row] = error
            keys.stop(one.envelope)
    return rendered


def _render_in_common(batch: Sequence[Outgoing], sent: Sent) -> dict[int, Sequence[Signature] | None]:
    """By row, the tasks of the messages that are rendered together; None for one that is to be rendered by itself.

    Where that fails each of them fails.
    """
    shared: dict[int, Sequence[Signature] | None] = {}
    for (name, version), in_common in in_common_of.items():
        some = [one for one in batch if (one.envelope.type, one.envelope.version) == (name, version) and not one.to]
        if not some:
            continue
        try:
            body = registry.events[name, version].body
            tasks = in_common([codec.decode(body, one.envelope.payload) for one in some])
            shared |= {one.row: its for one, its in zip(some, tasks, strict=True)}
        except DatabaseError:
            raise
        except Exception as error:
            sent.failed |= {one.row: error for one in some}
    return shared


def _render(one: Outgoing) -> list[Signature]:
    envelope = one.envelope
    headers = envelope.trace_headers
    render = renderers.get((envelope.type, envelope.version))
    if render is None or one.to:
        handed = [subscriber for subscriber in one.to if not registry.pulls(subscriber, envelope.key)]
        return [_deliver(subscriber, envelope, headers) for subscriber in handed]
    body = registry.events[envelope.type, envelope.version].body
    with trace.use(trace.from_headers(headers)):
        signature = render(codec.decode(body, envelope.payload))
    for task in [signature, *getattr(signature, "tasks", ())]:
        task.set(headers={**headers, **task.options.get("headers", {})})
    return [signature]


def _deliver(subscriber: str, envelope: Envelope, headers: dict[str, str]) -> Signature:
    return current_app.signature(
        "outbox.deliver",
        args=(subscriber, envelope.wire()),
        immutable=True,
        shadow=subscriber,  # Flower shows the subscriber's name
        argsrepr=f"({envelope.type}, {envelope.key}, {envelope.id})",
        headers=headers,
        **_named_queue(subscriber),
    )


def wakeup_task(wakeup: Wakeup, *, again: bool = False) -> Signature:
    """The task that wakes a subscriber."""
    return current_app.signature(
        "outbox.deliver_open",
        args=(wakeup.subscriber, wakeup.keys, wakeup.ids, again),
        immutable=True,
        shadow=wakeup.subscriber,
        argsrepr=f"({', '.join(wakeup.keys) or f'{len(wakeup.ids)} messages'})",
        **_named_queue(wakeup.subscriber),
    )


def _named_queue(subscriber: str) -> dict[str, str]:
    declared = registry.subscribers.get(subscriber)
    return {"queue": declared.queue} if declared is not None and declared.queue else {}


def _send(one: Outgoing, signatures: Iterable[Signature], producer: Any, sent: Sent, keys: StoppedKeys) -> None:
    """Give the message's tasks to the producer. An error that is not the broker's is the message's own."""
    if keys.stopped(one.envelope):
        return
    try:
        for signature in signatures:
            apply_with(signature, producer)
    except (OperationalError, BatchPublishError):
        raise
    except Exception as error:  # it cannot be serialised, or its queue does not exist
        sent.failed[one.row] = error
        keys.stop(one.envelope)
    else:
        sent.rows.append(one.row)


def apply_with(signature: Signature, producer: Any) -> None:
    """`signature.apply_async(producer=…)`, also for a chain, whose own `apply_async` ignores the producer.

    The message says when it was sent, as one from a template does.
    """
    if not hasattr(signature, "prepare_steps"):
        signature.apply_async(producer=producer, retry=False, headers=_stamped(signature))
        return
    tasks = tasks_of(signature)
    if tasks is None:
        chain = cast(Any, signature)
        rest, _results = chain.prepare_steps((), {}, chain.tasks, app=current_app)
        tasks = Tasks(rest.pop(), rest)
    rest = list(tasks.rest) or None
    tasks.first.apply_async(producer=producer, retry=False, chain=rest, headers=_stamped(tasks.first))


def _stamped(task: Signature) -> dict[str, Any]:
    return sending_time.stamped(task.options.get("headers"))


def tasks_of(signature: Any) -> Tasks | None:
    """A plain task, or a chain of plain ones with headers of their own: nothing to unfold or to pass on."""
    if type(signature) is Signature:
        return Tasks(signature, ())
    if isinstance(signature, _chain) and signature.options.keys() <= {"headers"}:
        first, *rest = signature.tasks
        if all(type(task) is Signature for task in signature.tasks):
            return Tasks(first, rest[::-1])
    return None


def _all_tasks(rendered: Rendered) -> Iterator[Tasks | None]:
    return (tasks_of(signature) for _, signatures in rendered for signature in signatures)


def _publish_singly(rendered: Rendered, failed: dict[int, Exception]) -> Sent:
    """Send one message at a time, to find the one that the broker refuses; receivers ignore the copies.

    A refusal is the message's own failure only while the broker takes other messages. A broker that takes none (out of
    memory, read-only) is an outage.
    """
    sent, keys = Sent(failed=dict(failed)), StoppedKeys()
    refused: dict[int, Exception] = {}
    with _producer() as producer:
        for one, signatures in rendered:
            if one.row in failed:
                keys.stop(one.envelope)
                continue
            try:
                _send(one, signatures, producer, sent, keys)
            except OperationalError as error:
                refused[one.row] = sent.outage = error
                keys.stop(one.envelope)
                if isinstance(error.__cause__, producer.connection.connection_errors):
                    return sent
    if sent.rows:
        sent.outage = None
        sent.failed.update(refused)
    return sent
