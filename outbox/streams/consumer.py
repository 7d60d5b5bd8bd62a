"""Reads another service's Redis Stream of CloudEvents as a member of a consumer group.

An entry is acknowledged when its message is settled or stored in this project's tables. When a consumer dies, its
entries stay pending; it continues with them when it returns, or another consumer claims them after they were idle long
enough.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import redis
from django.db import Error as DatabaseError
from django.db import close_old_connections

from ..errors import CannotRead
from ..heartbeats import heartbeat
from ..heartbeats.duties import CONSUME
from ..messages import cloudevents, codec
from ..messages.envelope import Envelope
from ..transports.streams import FIELD, connect
from .receiver import Receiver, is_outage

logger = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=1)  # the longest wait for new entries, and so the delay of a stop and of due messages
PAUSE = 1.0  # seconds, after Redis or PostgreSQL did not answer
LONGEST_NAME = 40
SEQUENCE_BITS = 20
TIME_BITS = 43
"""Bits for an entry's milliseconds since 1970: enough until the year 2248. With SEQUENCE_BITS they make a position
that PostgreSQL can sort by.
"""

Fields = dict[bytes, bytes]
Entry = tuple[str, Fields | None]


class Consumer:
    """One member of a group. `name` is unique within the group, and the same after a restart.

    `at_once`: how many entries are read at a time. `min_idle`: after how long without a sign of life another member's
    entry is claimed. `only`: patterns of the event types to read.
    """

    def __init__(
        self,
        *,
        stream: str,
        group: str,
        name: str,
        at_once: int = 100,
        min_idle: timedelta = timedelta(seconds=60),
        only: Sequence[str] = ("*",),
        url: str | None = None,
    ) -> None:
        self.stream, self.group, self.name = stream, group, name
        self.at_once = at_once
        self.min_idle = min_idle
        self.receiver = Receiver(_stored_name(stream, group), only)
        self._redis: Any = connect(url)
        self._claimed_at = self._seen_at = time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set. The current message is finished and acknowledged, the rest is returned.

        Each round leaves a heartbeat.
        """
        joined, duty = False, f"{CONSUME} {self.receiver.name}"
        while not stop.is_set():
            try:
                if not joined:
                    self.join_group()
                joined = True
                heartbeat.finished(duty, messages_tried=self.run_once(stop))
            except (redis.RedisError, DatabaseError) as error:
                joined = False  # current entries are pending: they are read again
                logger.warning("The consumer waits", extra={"stream": self.stream, "error": str(error)})
                heartbeat.failed(duty, error)
                stop.wait(PAUSE)
            close_old_connections()

    def join_group(self) -> None:
        """Make the group, which starts at the stream's first entry, and store this consumer's pending entries."""
        try:
            self._redis.xgroup_create(self.stream, self.group, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
        while entries := self._read("0"):
            self._take_up(entries)

    def run_once(self, stop: threading.Event, patience: timedelta = PATIENCE) -> int:
        """One round: messages that are due, entries that others left, new entries. Returns how many were tried."""
        tried = self.receiver.deliver_due(self.at_once)
        if time.monotonic() - self._claimed_at > self.min_idle.total_seconds() / 2:
            self._claim_abandoned()
        entries = self._read(">", timedelta(milliseconds=1) if tried else patience)
        self._seen_at = time.monotonic()
        for place, (id_, fields) in enumerate(entries):
            if stop.is_set():
                self._touch([id_ for id_, _ in entries[place:]], idle=self.min_idle)
                break
            if time.monotonic() - self._seen_at > self.min_idle.total_seconds() / 3:
                self._touch([id_ for id_, _ in entries[place:]], idle=timedelta(0))
            self._settle(id_, fields, self.receiver.receive)
            tried += 1
        return tried

    def _take_up(self, entries: Iterable[Entry]) -> None:
        """Store entries that were pending before, because each further try is counted before it begins."""
        for id_, fields in entries:
            self._settle(id_, fields, self.receiver.store)

    def _settle(self, id_: str, fields: Fields | None, by: Callable[[Envelope], None]) -> None:
        """Acknowledge the entry once its message is settled, stored, or a dead letter."""
        if fields:
            unread = self._unread(id_, fields)
            try:
                by(self._read_event(unread, fields))
            except Exception as error:
                if isinstance(error, redis.RedisError) or is_outage(error):
                    raise
                self.receiver.make_dead_letter(unread, error)
        else:
            self._log_lost(id_)
        self._redis.xack(self.stream, self.group, id_)

    def _claim_abandoned(self) -> None:
        """Claim entries that other members have had pending for too long."""
        self._claimed_at = time.monotonic()
        cursor, idle = b"0-0", self.min_idle // timedelta(milliseconds=1)
        while cursor:
            cursor, entries, gone = self._redis.xautoclaim(
                self.stream, self.group, self.name, idle, cursor, count=self.at_once
            )
            cursor = b"" if cursor == b"0-0" else cursor
            for id_ in gone:
                self._log_lost(id_.decode())
            self._take_up((id_.decode(), fields) for id_, fields in entries)

    def _read(self, after: str, patience: timedelta | None = None) -> list[Entry]:
        """New entries (after `>`), waiting up to `patience`, or this consumer's pending ones (after `0`)."""
        block = None if patience is None else max(1, patience // timedelta(milliseconds=1))
        found = self._redis.xreadgroup(self.group, self.name, {self.stream: after}, count=self.at_once, block=block)
        lists = found.values() if isinstance(found, dict) else [entries for _, entries in found or ()]
        return [(id_.decode(), fields) for entries in lists for id_, fields in _flat(entries)]

    def _touch(self, ids: Sequence[str], *, idle: timedelta) -> None:
        """Show that the entries are being worked on; or, with `idle`, that others may claim them."""
        self._seen_at = time.monotonic()
        idle_ms = idle // timedelta(milliseconds=1)
        self._redis.xclaim(self.stream, self.group, self.name, 0, ids, idle=idle_ms, justid=True)

    def _read_event(self, unread: Envelope, fields: Fields) -> Envelope:
        if not unread.position:
            raise CannotRead(
                "This entry's id is no time: its writer must let Redis assign the ids (XADD … *), in a new stream, "
                "because Redis assigns no smaller ids in this one. Then requeue."
            )
        body = fields.get(FIELD.encode())
        if body is None:
            raise CannotRead(f"This entry has no field `{FIELD}` with a CloudEvent.")
        envelope = cloudevents.decode(body, received_at=unread.written_at)
        return envelope._replace(position=unread.position, destination=unread.destination)

    def _unread(self, id_: str, fields: Fields) -> Envelope:
        """The entry as a message at its position, for the dead letter of an entry that is no CloudEvent."""
        milliseconds, sequence = (int(part) for part in id_.split("-"))
        if milliseconds >> TIME_BITS or sequence >> SEQUENCE_BITS:  # too large for a position: it becomes a dead letter
            milliseconds, sequence = 0, 0
        texts = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields.items()}
        place = f"{self.stream}/{id_}"
        return Envelope(
            *(str(uuid5(NAMESPACE_URL, place)), "", 0, "", codec.encode(texts), codec.encode({"entry": place})),
            datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(),
            position=milliseconds << SEQUENCE_BITS | sequence,
            destination=self.receiver.name,
        )

    def _log_lost(self, id_: str) -> None:
        extra = {"stream": self.stream, "entry": id_}
        logger.error(
            "An entry was trimmed from the stream before it was handled: let the stream keep more", extra=extra
        )


def _stored_name(stream: str, group: str) -> str:
    """The name under which this group's messages wait. A long name is cut, and made unique by a hash."""
    name = f"{stream}/{group}"
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 9]}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _flat(entries: list[Any]) -> list[Any]:
    """A stream's entries as pairs: with `?protocol=3` redis-py 8 returns them in one more list."""
    return entries[0] if entries and isinstance(entries[0], list) else entries
