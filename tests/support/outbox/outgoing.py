"""Messages as the relay hands them to a transport, for tests of transports alone."""

import json
from datetime import UTC, datetime

from outbox.ids import uuid7
from outbox.messages import trace
from outbox.messages.envelope import Envelope
from outbox.transports import Outgoing

BROKEN = "not json"


def outgoing(*names: str, key: str = "", headers: str = "", size: int = 0) -> list[Outgoing]:
    """One message a name, in order; its key is `key`, else what stands before the name's colon."""
    return [
        Outgoing(row, envelope(name, key or name.partition(":")[0], headers, size), ())
        for row, name in enumerate(names, start=1)
    ]


def envelope(name: str, key: str, headers: str = "", size: int = 0) -> Envelope:
    carried = headers or json.dumps(trace.start().headers())
    body = json.dumps({"name": name, "behaviour": "succeed", "price": "1.50", "padding": "x" * size})
    return Envelope(str(uuid7()), "host.item_counted", 2, key, body, carried, datetime.now(UTC).isoformat())
