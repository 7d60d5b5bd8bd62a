"""The engine's past: copies of one real finished run, with its steps, attempts and published events."""

from __future__ import annotations

from tests.bench.growth import Copied, Past

PAST = Past(
    "SELECT * FROM saga_run WHERE name = 'trial' AND status = 'completed'",
    (
        Copied("saga_run", "t.id = m.id", {"id": "p.id", "key": "'past:' || p.n", "subject": "'P-' || p.n"}),
        Copied("saga_step", "t.run_id = m.id", {"id": None, "run_id": "p.id"}),
        Copied("saga_attempt", "t.run_id = m.id", {"id": None, "run_id": "p.id", "token": "gen_random_uuid()"}),
        Copied(
            "outbox_published",
            "t.key IN (m.key, 'trial:' || (m.input->>'number'))",
            {"id": None, "message_id": "uuidv7(p.at - clock_timestamp())", "key": "'past:' || p.n"},
        ),
    ),
    span="30 days",
)
