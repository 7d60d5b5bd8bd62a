"""The outbox's past: copies of one really published message."""

from __future__ import annotations

from tests.bench.growth import Copied, Past

PAST = Past(
    "SELECT * FROM outbox_published",
    (
        Copied(
            "outbox_published",
            "t.message_id = m.message_id",
            {"id": None, "message_id": "uuidv7(p.at - clock_timestamp())", "key": "'past:' || p.n"},
        ),
    ),
    span="5 days",
)
