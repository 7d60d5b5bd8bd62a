"""Reads a Redis Stream of CloudEvents as a member of a consumer group, for projects that listen to another's events.

An entry is acknowledged when its message is settled or stands on this project's books; what dies with a consumer stays
pending, and is taken up by that consumer when it returns, or by another once it has been idle for long enough.
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

PATIENCE = timedelta(seconds=1)  # the longest wait for news: so late a stop is seen, or what is due on the books
PAUSE = 1.0  # seconds, after Redis or PostgreSQL did not answer
LONGEST_NAME = 40
SEQUENCE_BITS = 20
TIME_BITS = 43
"""Of an entry's milliseconds since 1970: until the year 2248. Both together are a place that PostgreSQL can sort by."""

Fields = dict[bytes, bytes]
Entry = tuple[str, Fields | None]


class Consumer:
    """One member of a group. `name` is its own within the group, and the same after a restart.

    `at_once`: entries read at a time. `min_idle`: after how long without a sign of life another's entry is claimed.
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
        self.receiver = Receiver(_books_name(stream, group), only)
        self._redis: Any = connect(url)
        self._claimed_at = self._seen_at = time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Read until told to stop; the message in hand is finished and acknowledged, the rest given back.

        Each turn leaves a heartbeat.
        """
        begun, duty = False, f"{CONSUME} {self.receiver.name}"
        while not stop.is_set():
            try:
                if not begun:
                    self.begin()
                begun = True
                heartbeat.finished(duty, messages_tried=self.turn(stop))
            except (redis.RedisError, DatabaseError) as error:
                begun = False  # what was in hand is pending: it is taken up anew
                logger.warning("The consumer waits", extra={"stream": self.stream, "error": str(error)})
                heartbeat.failed(duty, error)
                stop.wait(PAUSE)
            close_old_connections()

    def begin(self) -> None:
        """Make the group, which reads the stream from its first entry, and take up what was in hand before."""
        try:
            self._redis.xgroup_create(self.stream, self.group, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
        while entries := self._read("0"):
            self._take_up(entries)

    def turn(self, stop: threading.Event, patience: timedelta = PATIENCE) -> int:
        """What is due on the books, what others left behind, and what is new; returns how many were tried."""
        tried = self.receiver.catch_up(self.at_once)
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
        """Entries that were in hand before: onto the books, where each try is counted before it begins."""
        for id_, fields in entries:
            self._settle(id_, fields, self.receiver.put_on_books)

    def _settle(self, id_: str, fields: Fields | None, by: Callable[[Envelope], None]) -> None:
        """Acknowledge the entry once its message is settled, on the books, or a dead letter."""
        if fields:
            unread = self._unread(id_, fields)
            try:
                by(self._read_event(unread, fields))
            except Exception as error:
                if isinstance(error, redis.RedisError) or is_outage(error):
                    raise
                self.receiver.bury(unread, error)
        else:
            self._log_lost(id_)
        self._redis.xack(self.stream, self.group, id_)

    def _claim_abandoned(self) -> None:
        """Take what other members have had in hand for too long."""
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
        """New entries (after `>`), for which it waits, or this consumer's pending ones (after `0`)."""
        block = None if patience is None else max(1, patience // timedelta(milliseconds=1))
        found = self._redis.xreadgroup(self.group, self.name, {self.stream: after}, count=self.at_once, block=block)
        lists = found.values() if isinstance(found, dict) else [entries for _, entries in found or ()]
        return [(id_.decode(), fields) for entries in lists for id_, fields in _flat(entries)]

    def _touch(self, ids: Sequence[str], *, idle: timedelta) -> None:
        """A sign of life for entries in hand; or, with `idle`, a sign that others may have them."""
        self._seen_at = time.monotonic()
        idle_ms = idle // timedelta(milliseconds=1)
        self._redis.xclaim(self.stream, self.group, self.name, 0, ids, idle=idle_ms, justid=True)

    def _read_event(self, unread: Envelope, fields: Fields) -> Envelope:
        if not unread.position:
            raise CannotRead(
                "This entry's id is no time: its writer must let Redis give the ids (XADD … *), in a new stream, since "
                "Redis makes no smaller ones in this. Then requeue."
            )
        body = fields.get(FIELD.encode())
        if body is None:
            raise CannotRead(f"This entry has no field `{FIELD}` with a CloudEvent.")
        envelope = cloudevents.decode(body, received_at=unread.written_at)
        return envelope._replace(position=unread.position, destination=unread.destination)

    def _unread(self, id_: str, fields: Fields) -> Envelope:
        """The entry in its place, as a dead letter shows it that is no CloudEvent."""
        milliseconds, sequence = (int(part) for part in id_.split("-"))
        if milliseconds >> TIME_BITS or sequence >> SEQUENCE_BITS:  # no place, and buried for that
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
        logger.error("An entry was trimmed from the stream before it was handled: keep more of it", extra=extra)


def _books_name(stream: str, group: str) -> str:
    """Under which name this group's messages wait; a long one is cut, and told apart by a hash."""
    name = f"{stream}/{group}"
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 9]}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _flat(entries: list[Any]) -> list[Any]:
    """A stream's entries as pairs: with `?protocol=3` redis-py 8 puts them into one more list."""
    return entries[0] if entries and isinstance(entries[0], list) else entries
