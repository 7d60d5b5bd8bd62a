"""Write a run, its steps and the message that brings it; nothing when the key has its run already.

`pooled`: any worker may take the run, and it need not wait for its message.
"""

from __future__ import annotations

from outbox.sql import GATHERED, told_by

from .run import Statement

START = Statement(
    "saga_start",
    f"""
WITH run AS (
    INSERT INTO saga_run (id, name, version, key, subject, input, status, resolution, code, reason, position, pivot,
                          rings, stake, stake_currency, wake_at, ready_at, deadline_at, request_id, traceparent,
                          row_version, created_at, updated_at)
    VALUES (%(id)s, %(name)s, %(version)s, %(key)s, %(subject)s, %(input)s, 'running', '', '', '', 0, %(pivot)s, 0,
            %(stake)s, %(stake_currency)s,
            CASE WHEN NOT %(pooled)s THEN clock_timestamp() + make_interval(secs => %(patience)s) END,
            CASE WHEN %(pooled)s THEN clock_timestamp() END,
            clock_timestamp() + make_interval(secs => %(deadline)s), %(request_id)s, %(traceparent)s, 1,
            clock_timestamp(), clock_timestamp())
    ON CONFLICT (name, key) DO NOTHING
    RETURNING id
), {told_by(f"run, {GATHERED}")}
INSERT INTO saga_step (run_id, position, name, status, attempts, undo_attempts, forgiven, granted,
                       error_class, error_code, error_text)
SELECT run.id, u.position - 1, u.name, 'pending', 0, 0, 0, 0, '', '', ''
FROM run, unnest(%(names)s) WITH ORDINALITY AS u(name, position)
""",
)
