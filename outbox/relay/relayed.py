"""Each message's hop through the relay, for a tracing library: what the message causes is a child of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import CannotRead
from ..messages import codec, spans, trace
from ..messages.envelope import Envelope
from ..publishing.destinations import Destination
from ..transports import Outgoing, Sent


def publish(to: Destination, batch: Sequence[Outgoing]) -> Sent:
    """Publish the batch, be it nothing. Where spans are made, each traced message carries the one of its hop."""
    if not batch:
        return Sent()
    if spans.library is None:
        return to.transport.publish(batch)
    ends: dict[int, Callable[[Exception | None], None]] = {}
    sent = Sent(outage=RuntimeError("the relay ended"))
    try:
        sent = to.transport.publish([_with_hop(one, to.name, spans.library, ends) for one in batch])
    finally:
        gone = set(sent.rows)
        for row, end in ends.items():
            end(None if row in gone else sent.failed.get(row) or sent.outage)
    return sent


def _with_hop(
    one: Outgoing, destination: str, library: spans.Spans, ends: dict[int, Callable[[Exception | None], None]]
) -> Outgoing:
    envelope = one.envelope
    try:
        headers = envelope.trace_headers
    except CannotRead:  # whoever delivers it says so
        return one
    parent = trace.from_headers(headers)
    if not is_recorded(parent):
        return one
    hop, ends[one.row] = library.begin(f"relay {envelope.type}", "producer", _facts(envelope, destination), parent)
    return one._replace(envelope=envelope._replace(headers=codec.encode({**headers, **hop.headers()})))


def is_recorded(one: trace.Trace) -> bool:
    """Whether somebody records the trace: the flag `sampled`."""
    return bool(int(one.traceparent[53:], 16) & 1)


def _facts(envelope: Envelope, destination: str) -> spans.Facts:
    return {
        "messaging.message.id": envelope.id,
        "messaging.destination.name": destination,
        "outbox.key": envelope.key,
        "outbox.attempt": envelope.attempts + 1,
    }
