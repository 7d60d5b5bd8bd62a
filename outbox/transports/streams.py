"""Messages as CloudEvents in a Redis Stream, for services that share only Redis with this one.

Each message is one entry, in the field `event`. A batch is one script call that adds in order and stops at the first
error, so the stream always has a prefix of the batch, whatever fails.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from .. import settings
from ..errors import OutboxError
from ..messages.cloudevents import Encoder
from ..messages.envelope import Envelope
from . import Outgoing, Sent, encoded

FIELD = "event"
TIMEOUT = 5.0  # seconds for Redis to answer; well below OUTBOX_LEASE
LARGEST_CALL = 1_000_000  # bytes and
MOST_IN_CALL = 1_000  # messages a script call adds: some milliseconds, in which Redis serves nobody else

# KEYS: the stream. ARGV: XTRIM's strategy or "", its number (milliseconds of age for MINID), the events.
# Returns how many went in, and the error that stopped it. Entry ids are the server's clock, so MINID goes by it too.
SCRIPT = """
local added, fault = 0, ''
for place = 3, #ARGV do
    local reply = redis.pcall('XADD', KEYS[1], '*', 'event', ARGV[place])
    if type(reply) == 'table' then
        fault = reply.err
        break
    end
    added = added + 1
end
if ARGV[1] == 'MAXLEN' then
    redis.pcall('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[2])
elseif ARGV[1] == 'MINID' then
    local now = redis.call('TIME')
    redis.pcall('XTRIM', KEYS[1], 'MINID', '~', string.format('%.0f', now[1] * 1000 + now[2] / 1000 - ARGV[2]))
end
return {added, fault}
"""
SHA = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()


class Refused(OutboxError):
    """Redis took no more of the batch, for a reason that is not the message's: the rest is sent again later."""


class StreamsTransport:
    """Adds to one stream.

    `source`: the CloudEvents source, a URI that names this system. `maxlen` (about that many entries) or `keep` (about
    that old) trims the stream after each batch, read or not; by default nothing is trimmed. `url`: a redis:// address,
    default OUTBOX_REDIS_URL.
    """

    def __init__(
        self,
        *,
        stream: str,
        source: str,
        maxlen: int | None = None,
        keep: timedelta | None = None,
        url: str | None = None,
    ) -> None:
        if maxlen is not None and keep is not None:
            raise ValueError(f"The stream {stream} is trimmed by maxlen or by keep, not by both: drop one.")
        if (maxlen is not None and maxlen < 1) or (keep is not None and keep <= timedelta(0)):
            raise ValueError(f"The stream {stream} would keep nothing: give maxlen or keep above zero.")
        self.stream = stream
        self._encode = Encoder(source).encode
        self._trim = _trimming(maxlen, keep)
        self._redis = connect(url)

    def recipients(self, envelope: Envelope) -> tuple[str, ...]:
        """None: the readers of the stream are not known here."""
        return ()

    def publish(self, batch: Sequence[Outgoing]) -> Sent:
        """One round trip for up to 1000 messages or 1 MB; the next call only after all of the one before was added."""
        sent = Sent()
        bodies = encoded(batch, self._encode, sent)
        try:
            for rows, events in _calls(bodies):
                added, fault = self._add(events)
                sent.rows += rows[:added]
                if added < len(events):
                    raise Refused(f"The stream {self.stream}: {fault}")
        except (redis.RedisError, Refused) as error:
            sent.outage = error  # after a timeout it is unknown what was added: those rows are sent again
        return sent

    def _add(self, events: list[bytes]) -> tuple[int, str]:
        """Add the events. Returns how many were added, and the error that stopped the rest."""
        try:
            added, fault = self._redis.evalsha(SHA, 1, self.stream, *self._trim, *events)
        except redis.exceptions.NoScriptError:  # the first call to this server, or its scripts were flushed
            added, fault = self._redis.eval(SCRIPT, 1, self.stream, *self._trim, *events)
        return added, fault.decode()


def connect(url: str | None) -> redis.Redis:
    """A client that never repeats a command by itself. `url` None: OUTBOX_REDIS_URL."""
    address = url or settings.redis_url()
    if not address:
        raise ValueError("There is no Redis for streams: give the option `url`, or set OUTBOX_REDIS_URL.")
    return redis.Redis.from_url(
        address, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0)
    )


def _trimming(maxlen: int | None, keep: timedelta | None) -> tuple[str, int]:
    if maxlen is not None:
        return "MAXLEN", maxlen
    return ("", 0) if keep is None else ("MINID", keep // timedelta(milliseconds=1))


def _calls(bodies: dict[int, bytes]) -> Iterator[tuple[list[int], list[Any]]]:
    """The batch in parts that one call may carry; nearly always one part."""
    rows: list[int] = []
    events: list[bytes] = []
    size = 0
    for row, body in bodies.items():
        if rows and (size + len(body) > LARGEST_CALL or len(rows) == MOST_IN_CALL):
            yield rows, events
            rows, events, size = [], [], 0
        rows.append(row)
        events.append(body)
        size += len(body)
    if rows:
        yield rows, events
