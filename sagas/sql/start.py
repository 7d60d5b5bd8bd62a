"""Write a run, its steps and the message that brings it; nothing when the key has its run already.

`pooled`: any worker may take the run, and it need not wait for its message. What only some sagas have is written by a
statement of its own, so that the others pay nothing for it.
"""

from __future__ import annotations

from outbox.sql import GATHERED, told_by

from .run import Statement

_START = f"""
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
), {told_by(f"run, {GATHERED}")}{{beside}}
INSERT INTO saga_step (run_id, position, name, status, attempts, undo_attempts, forgiven, granted,
                       error_class, error_code, error_text)
SELECT run.id, u.position - 1, u.name, 'pending', 0, 0, 0, 0, '', '', ''
FROM run, unnest(%(names)s) WITH ORDINALITY AS u(name, position)
"""
_ATTRIBUTES = """
    INSERT INTO saga_attribute (run_id, name, text, number)
    SELECT {run}, given.name, given.text, given.number
    FROM {source}jsonb_to_recordset(%(attributes)s) AS given (name varchar, text varchar, number numeric)
"""

START = Statement("saga_start", _START.format(beside=""))
START_WITH_ATTRIBUTES = Statement(
    "saga_start_with_attributes",
    _START.format(beside=f", attribute AS ({_ATTRIBUTES.format(run='run.id', source='run, ')})"),
)
WRITE_ATTRIBUTES = Statement("saga_write_attributes", _ATTRIBUTES.format(run="%(run)s", source=""))
"""The attributes of a run that has none."""
