"""The outbox's past: copies of one really published message, all of today: new ones go to the same partition."""

from __future__ import annotations

from tests.bench.growth import BEFORE, Copied, Past

PAST = Past(
    "SELECT * FROM outbox_published",
    (
        Copied(
            "outbox_published",
            "t.message_id = m.message_id",
            {"id": BEFORE, "message_id": "uuidv7(p.at - clock_timestamp())", "key": "'past:' || p.n"},
        ),
    ),
    span="statement_timestamp() - date_trunc('day', statement_timestamp(), 'UTC')",
)
