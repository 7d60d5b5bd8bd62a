"""The engine's past: copies of one real finished run, with its steps, attempts and published events."""

from __future__ import annotations

from tests.bench.growth import BEFORE, Copied, Past

DAYS = 30
PARTITIONS = f"""
DO $$ DECLARE day date; BEGIN
FOR day IN SELECT generate_series(current_date - {DAYS}, current_date - 1, interval '1 day') LOOP
    EXECUTE format('CREATE TABLE outbox_published_%s PARTITION OF outbox_published FOR VALUES FROM (%L) TO (%L)',
                   to_char(day, 'YYYYMMDD'), day, day + 1);
END LOOP; END $$
"""
PAST = Past(
    "SELECT * FROM saga_run WHERE name = 'trial' AND status = 'completed'",
    (
        Copied("saga_run", "t.id = m.id", {"id": "p.id", "key": "'past:' || p.n", "subject": "'P-' || p.n"}),
        Copied("saga_step", "t.run_id = m.id", {"id": None, "run_id": "p.id"}),
        Copied("saga_attempt", "t.run_id = m.id", {"id": None, "run_id": "p.id", "token": "gen_random_uuid()"}),
        Copied(
            "outbox_published",
            "t.key IN (m.key, 'trial:' || (m.input->>'number'))",
            {
                "id": BEFORE,
                "message_id": "uuidv7(p.at - clock_timestamp())",
                "day": "(p.at AT TIME ZONE 'UTC')::date",
                "key": "'past:' || p.n",
            },
        ),
    ),
    span=f"interval '{DAYS} days'",
    before=PARTITIONS,
)
