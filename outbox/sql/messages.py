"""Statements on unpublished messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from ..masking import masked
from ..messages.envelope import Envelope
from . import run


class Due(NamedTuple):
    """A row to publish: an unpublished message, or an open delivery to one `subscriber`."""

    row: int
    shard: int
    epoch: int
    """The shard's epoch when the row was read. A failure is recorded only while the shard still has it."""
    envelope: Envelope
    subscriber: str = ""
    waits: bool = False
    """The last copy is still in the broker's queue, so no other copy is sent."""


class NewMessage(NamedTuple):
    """A message to write; `payload` and `headers` are JSON text."""

    destination: str
    shard: int
    message_id: str
    type: str
    version: int
    key: str
    payload: str
    headers: str


_NEW = "destination, shard, message_id, type, version, key, payload, headers, created_at, attempts, due_at, last_error"

_INSERT = f"""
INSERT INTO outbox_message ({_NEW})
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp(), 0, statement_timestamp(), '')
"""

GATHERED = """unnest(%(destinations)s::text[], %(shards)s::smallint[], %(message_ids)s::uuid[], %(types)s::text[],
            %(versions)s::int[], %(keys)s::text[], %(payloads)s::text[], %(headers)s::text[]) WITH ORDINALITY
     AS m (destination, shard, message_id, type, version, key, payload, headers, n)"""
"""The messages of `columns`, as a relation `m`; `n` is their order."""


def insert_from(relation: str) -> str:
    """The statement that writes the messages of a relation `m`: GATHERED, or a join that leaves some of them out."""
    return f"""
INSERT INTO outbox_message ({_NEW})
SELECT m.destination, m.shard, m.message_id, m.type, m.version, m.key, m.payload, m.headers,
       clock_timestamp(), 0, statement_timestamp(), ''
FROM {relation} ORDER BY m.n
"""


def told_by(relation: str) -> str:
    """The same as the CTE `told`, for a statement that writes them together with the change that they tell of."""
    return f"told AS ({insert_from(relation)})"


def columns(messages: Sequence[NewMessage]) -> dict[str, list[Any]]:
    """The parameters of GATHERED."""
    names = ("destinations", "shards", "message_ids", "types", "versions", "keys", "payloads", "headers")
    return {name: [message[place] for message in messages] for place, name in enumerate(names)}


def insert_messages(messages: Sequence[NewMessage]) -> None:
    """Write the messages, due at once, in one statement."""
    if len(messages) == 1:
        run.execute(_INSERT, messages[0])
    else:
        run.execute(insert_from(GATHERED), columns(messages))


def lock_key(key: str) -> None:
    """Wait until no other transaction writes messages of this key, and lock the key until this transaction ends."""
    run.rows("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"outbox:{key}"])


def fetch(
    destination: str,
    owner: str,
    limit: int,
    each: int,
    shards: Sequence[int] | None = None,
    since: Sequence[int] = (),
    but: Sequence[int] = (),
) -> list[Due]:
    """The oldest due messages, of keys that are not held, in the shards that `owner` owns now.

    At most `limit` in all and `each` from one shard, and only from `shards` when given. Takes no lock. There is no
    high-water mark, because the order of ids is not the order of commits. `since`, by shard: smaller ids are not read;
    `lookback.py` knows which may be left out. `but`: ids that are left out, because their mark is under way; all of
    them, not the ids up to one, because a smaller id may be committed later.
    """
    found = run.rows(
        _FETCH.format(
            some="AND s.shard = ANY(%(shards)s)" if shards is not None else "",
            but="AND m.id <> ALL (%(but)s::bigint[])" if but else "",
        ),
        {
            "destination": destination,
            "owner": owner,
            "limit": limit,
            "each": each,
            "shards": shards,
            "since": list(since),
            "but": run.numbers(but),
        },
    )
    return [Due(row, shard, epoch, Envelope(*carried)) for row, shard, epoch, *carried in found]


_FETCH = f"""
SELECT due.id, due.shard, due.epoch, {run.envelope("due")},
       due.id, s.destination, due.attempts
FROM outbox_shard AS s CROSS JOIN LATERAL (
    SELECT m.*, s.epoch FROM outbox_message AS m
    WHERE m.destination = s.destination AND m.shard = s.shard AND m.due_at <= statement_timestamp()
      AND m.id >= coalesce((%(since)s::bigint[])[s.shard + 1], 0) {{but}}
      AND NOT EXISTS (SELECT 1 FROM outbox_hold AS h WHERE h.destination = m.destination AND h.key = m.key
                      AND (h.until IS NULL OR h.until > statement_timestamp()))
    ORDER BY m.id LIMIT %(each)s
) AS due
WHERE s.destination = %(destination)s AND s.owner = %(owner)s AND s.until > statement_timestamp()
  AND NOT s.paused {{some}}
ORDER BY due.id LIMIT %(limit)s
"""


def mark(
    destination: str,
    rows: Sequence[Due],
    recipients: Iterable[tuple[str, str]],
    redeliver_after: timedelta,
    *,
    keep: bool = True,
    soon: Sequence[str] = (),
) -> None:
    """Move published messages to the history, and open a delivery for each (type, subscriber) of `recipients`.

    Without `keep` and without recipients they are only deleted. The epoch is not checked, because these rows *were*
    published. A subscriber may have been faster than this statement, so a message that it has settled gets no delivery.
    `soon`: subscribers that pull, whose delivery is due after a third of `redeliver_after`.
    """
    pairs = list(recipients)
    statement = _DELETE if not (keep or pairs) else _MOVE if not pairs else _MOVE_AND_OPEN
    run.execute(
        statement,
        {
            "destination": destination,
            "ids": run.numbers(one.row for one in rows),
            "shards": run.numbers(one.shard for one in rows),
            "after": redeliver_after,
            "types": [type_ for type_, _ in pairs],
            "subscribers": [subscriber for _, subscriber in pairs],
            "soon": [subscriber in soon for _, subscriber in pairs],
        },
    )


_DELETE = f"""
DELETE FROM outbox_message AS m USING unnest(%(shards)s::smallint[], %(ids)s::bigint[]) AS gone (shard, id)
WHERE m.destination = %(destination)s AND m.shard = gone.shard AND m.id = gone.id AND {run.NOT_AWAITED}
"""
_KEPT = f"id, destination, {run.COLUMNS}"
_KEEP = f"""
INSERT INTO outbox_published ({_KEPT}, published_at, day)
SELECT {_KEPT}, statement_timestamp(), day FROM gone ON CONFLICT DO NOTHING
"""
_GONE = f"WITH gone AS ({_DELETE} RETURNING m.*, outbox_day(m.message_id, m.created_at) AS day)"
_MOVE = f"{_GONE} {_KEEP}"
_MOVE_AND_OPEN = f"""
{_GONE}, kept AS ({_KEEP})
INSERT INTO outbox_delivery (message_id, subscriber, destination, day, key, position, attempts, due_at, sent_at,
                             last_error, created_at)
SELECT gone.message_id, wanted.subscriber, gone.destination, gone.day, gone.key, gone.id, 0,
       statement_timestamp() + %(after)s / CASE WHEN wanted.soon AND gone.key <> '' THEN 3 ELSE 1 END,
       statement_timestamp(), '', statement_timestamp()
FROM gone
JOIN unnest(%(types)s::text[], %(subscribers)s::text[], %(soon)s::boolean[]) AS wanted (type, subscriber, soon)
     USING (type)
WHERE NOT EXISTS (SELECT 1 FROM outbox_inbox AS inbox
                  WHERE inbox.message_id = gone.message_id AND inbox.subscriber = wanted.subscriber
                    AND inbox.day = gone.day)
  AND NOT EXISTS (SELECT 1 FROM outbox_dead_letter AS dead
                  WHERE dead.message_id = gone.message_id AND dead.subscriber = wanted.subscriber)
ON CONFLICT (message_id, subscriber) DO NOTHING
"""


def count_failure(owner: str, destination: str, due: Due) -> int:
    """Count one more failed try to publish this message. Returns how many there were.

    0 when the shard has another owner by now, or the row is gone: then the failure does not count.
    """
    found = run.rows(
        """
        UPDATE outbox_message AS m SET attempts = m.attempts + 1
        FROM outbox_shard AS s
        WHERE s.destination = %s AND s.shard = %s AND s.owner = %s AND s.epoch = %s AND s.until > statement_timestamp()
          AND m.destination = s.destination AND m.shard = s.shard AND m.id = %s
        RETURNING m.attempts
        """,
        [destination, due.shard, owner, due.epoch, due.row],
    )
    return int(found[0][0]) if found else 0


def hold_message(destination: str, due: Due, delay: timedelta, error: str) -> None:
    """Do not publish this message until `delay` has passed."""
    run.execute(
        """
        UPDATE outbox_message SET due_at = statement_timestamp() + %s, last_error = %s
        WHERE destination = %s AND shard = %s AND id = %s
        """,
        [delay, masked(error), destination, due.shard, due.row],
    )


def dead_letter_message(destination: str, due: Due, error: tuple[str, str, str]) -> None:
    """Turn a message that cannot be published into a dead letter. `error` is its class, text and traceback."""
    run.execute(
        f"""
        WITH gone AS (
            DELETE FROM outbox_message WHERE destination = %s AND shard = %s AND id = %s RETURNING *
        )
        INSERT INTO outbox_dead_letter ({run.COLUMNS}, attempts, destination, position, subscriber, error_class, error,
                                        traceback, died_at)
        SELECT {run.COLUMNS}, attempts, destination, id, '', %s, %s, %s, statement_timestamp() FROM gone
        ON CONFLICT (message_id, subscriber, destination) DO NOTHING
        """,
        [destination, due.shard, due.row, *map(masked, error)],
    )
