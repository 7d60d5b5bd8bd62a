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
                          row_version, created_at, updated_at{{columns}})
    VALUES (%(id)s, %(name)s, %(version)s, %(key)s, %(subject)s, %(input)s, 'running', '', '', '', 0, %(pivot)s, 0,
            %(stake)s, %(stake_currency)s,
            {{wake}},
            CASE WHEN %(pooled)s THEN clock_timestamp() END,
            clock_timestamp() + make_interval(secs => %(deadline)s), %(request_id)s, %(traceparent)s, 1,
            clock_timestamp(), clock_timestamp(){{values}})
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

_WITH_ATTRIBUTES = f", attribute AS ({_ATTRIBUTES.format(run='run.id', source='run, ')})"
# It waits for the turn of its share, at the longest until its deadline.
_WITH_TICKET = """, ticket AS (
    INSERT INTO saga_ticket (run_id, share, line, line_at_once, priority, is_limited)
    SELECT run.id, %(share)s, %(line)s, %(line_at_once)s, %(priority)s, false FROM run
)"""
_PLAIN = {
    "columns": "",
    "values": "",
    "wake": "CASE WHEN NOT %(pooled)s THEN clock_timestamp() + make_interval(secs => %(patience)s) END",
}
_QUEUED = {
    "wake": "clock_timestamp() + make_interval(secs => %(deadline)s)",
    "columns": ", share, queued_at",
    "values": ", %(share)s, clock_timestamp()",
}

START = Statement("saga_start", _START.format(beside="", **_PLAIN))
START_WITH_ATTRIBUTES = Statement("saga_start_with_attributes", _START.format(beside=_WITH_ATTRIBUTES, **_PLAIN))
START_QUEUED = Statement("saga_start_queued", _START.format(beside=_WITH_TICKET, **_QUEUED))
START_QUEUED_WITH_ATTRIBUTES = Statement(
    "saga_start_queued_with_attributes", _START.format(beside=_WITH_ATTRIBUTES + _WITH_TICKET, **_QUEUED)
)
WRITE_ATTRIBUTES = Statement("saga_write_attributes", _ATTRIBUTES.format(run="%(run)s", source=""))
"""The attributes of a run that has none."""
