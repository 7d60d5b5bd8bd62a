"""The statements of the hot path: take a step, record its outcome, and nothing else.

Lock order, everywhere: run, then step, then the outbox. Each statement locks the run first, in a CTE that the others
join, so that two of them never wait for each other crosswise. Every clock is PostgreSQL's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

# A step is free when it has not run, when its wait is over, or when the lease of the worker that had it has run out.
# `must_stop`: a cancel or a passed deadline counts until the pivot is first asked for; afterwards it is too late.
_CLAIM = """
WITH run AS (
    SELECT id, key, input, position, pivot,
           (cancel_requested_at IS NOT NULL OR deadline_at <= statement_timestamp()) IS TRUE AS must_stop
    FROM saga_run WHERE id = %(run)s AND status = '{run_status}' AND position = %(position)s
      AND paused_at IS NULL
    FOR UPDATE
), step AS (
    UPDATE saga_step s
    SET status = '{step_status}', {attempts} = s.{attempts} + 1, token = %(token)s, next_attempt_at = NULL,
        lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
    FROM run
    WHERE s.run_id = run.id AND s.position = run.position
      AND (s.status IN ({free}) AND (s.next_attempt_at IS NULL OR s.next_attempt_at <= clock_timestamp())
           OR s.status = '{step_status}' AND s.lease_until < clock_timestamp())
      AND {allowed}
    RETURNING s.run_id, s.name, s.{attempts} AS number, s.forgiven, s.granted, s.result, s.lease_until
), lost AS (
    UPDATE saga_attempt a SET outcome = 'lost', ended_at = clock_timestamp()
    FROM step WHERE a.run_id = step.run_id AND a.ended_at IS NULL
), attempt AS (
    INSERT INTO saga_attempt (run_id, step, direction, number, token, started_at, worker, task_id, traceparent,
                              outcome, error_class, error_text)
    SELECT run_id, name, '{direction}', number, %(token)s, clock_timestamp(), %(worker)s, %(task)s, %(traceparent)s,
           '', '', '' FROM step
), woken AS (
    UPDATE saga_run r SET wake_at = step.lease_until, rings = 0, row_version = r.row_version + 1
    FROM step WHERE r.id = step.run_id
)
SELECT run.key, run.input::text, step.number, step.forgiven, step.granted, step.result::text
FROM run JOIN step ON step.run_id = run.id
"""

CLAIM_STEP = _CLAIM.format(
    run_status="running",
    step_status="running",
    attempts="attempts",
    free="'pending', 'waiting'",
    direction="forward",
    allowed="(NOT run.must_stop OR run.position > run.pivot OR run.position = run.pivot AND s.attempts > s.forgiven)",
)
CLAIM_UNDO = _CLAIM.format(
    run_status="undoing",
    step_status="undoing",
    attempts="undo_attempts",
    free="'undo_due', 'undo_waiting'",
    direction="undo",
    allowed="TRUE",
)

# The token fences: a worker whose lease ran out finds no row once another one took the step, or the run turned around.
RECORD_STEP = """
WITH run AS (
    SELECT id FROM saga_run WHERE id = %(run)s AND status = 'running' AND position = %(position)s FOR UPDATE
),
step AS (
    UPDATE saga_step s
    SET status = 'done', result = %(result)s::jsonb, token = NULL, lease_until = NULL,
        error_class = '', error_code = '', error_text = ''
    FROM run WHERE s.run_id = run.id AND s.position = %(position)s AND s.token = %(token)s
    RETURNING s.run_id
), attempt AS (
    UPDATE saga_attempt a SET outcome = 'done', ended_at = clock_timestamp()
    FROM step WHERE a.run_id = step.run_id AND a.token = %(token)s
)
UPDATE saga_run r
SET position = r.position + 1, status = %(status)s, row_version = r.row_version + 1, updated_at = clock_timestamp(),
    reason = CASE WHEN r.cancel_requested_at IS NULL OR %(last)s THEN '' ELSE r.reason END, code = '',
    wake_at = CASE WHEN %(last)s THEN NULL ELSE clock_timestamp() + make_interval(secs => %(patience)s) END,
    finished_at = CASE WHEN %(last)s THEN clock_timestamp() END
FROM step WHERE r.id = step.run_id
"""

RECORD_UNDO = """
WITH run AS (
    SELECT id FROM saga_run WHERE id = %(run)s AND status = 'undoing' AND position = %(position)s FOR UPDATE
),
step AS (
    UPDATE saga_step s
    SET status = 'undone', token = NULL, lease_until = NULL, forgiven = 0, granted = 0
    FROM run WHERE s.run_id = run.id AND s.position = %(position)s AND s.token = %(token)s
    RETURNING s.run_id
), attempt AS (
    UPDATE saga_attempt a SET outcome = 'done', ended_at = clock_timestamp()
    FROM step WHERE a.run_id = step.run_id AND a.token = %(token)s
), next AS (
    SELECT max(o.position) AS position FROM saga_step o JOIN step ON o.run_id = step.run_id
    WHERE o.position < %(position)s AND o.status = 'undo_due'
)
UPDATE saga_run r
SET position = coalesce(next.position, -1), row_version = r.row_version + 1, updated_at = clock_timestamp(),
    status = CASE WHEN next.position IS NULL THEN 'compensated' ELSE r.status END,
    wake_at = CASE WHEN next.position IS NULL THEN NULL
                   ELSE clock_timestamp() + make_interval(secs => %(patience)s) END,
    finished_at = CASE WHEN next.position IS NULL THEN clock_timestamp() END
FROM step, next WHERE r.id = step.run_id
RETURNING r.status, r.code, r.reason
"""

SWEEP = """
UPDATE saga_run r
SET rings = least(r.rings + 1, 100),
    wake_at = clock_timestamp() + make_interval(secs => least(60, %(patience)s * power(2, least(r.rings, 10))))
FROM (SELECT id FROM saga_run WHERE wake_at <= clock_timestamp() AND paused_at IS NULL
      ORDER BY wake_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED) due
WHERE r.id = due.id
RETURNING r.id, r.name, r.version, r.status, r.position, r.request_id, r.traceparent
"""

GIVE_BACK = """
UPDATE saga_run SET rings = greatest(rings - 1, 0), wake_at = clock_timestamp() + make_interval(secs => 1)
WHERE id = ANY(%(ids)s) AND wake_at IS NOT NULL
"""

START_RUN = """
INSERT INTO saga_run (id, name, version, key, subject, input, status, resolution, code, reason, position, pivot, rings,
                      wake_at, deadline_at, request_id, traceparent, row_version, created_at, updated_at)
VALUES (%(id)s, %(name)s, %(version)s, %(key)s, %(subject)s, %(input)s::jsonb, 'running', '', '', '', 0, %(pivot)s, 0,
        clock_timestamp() + make_interval(secs => %(patience)s),
        clock_timestamp() + make_interval(secs => %(deadline)s), %(request_id)s, %(traceparent)s, 1,
        clock_timestamp(), clock_timestamp())
ON CONFLICT (name, key) DO NOTHING
RETURNING id
"""

START_STEPS = """
INSERT INTO saga_step (run_id, position, name, status, attempts, undo_attempts, forgiven, granted,
                       error_class, error_code, error_text)
SELECT %(id)s, u.position - 1, u.name, 'pending', 0, 0, 0, 0, '', '', ''
FROM unnest(%(names)s::text[]) WITH ORDINALITY AS u(name, position)
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A step, or its undo, taken by this worker until its lease runs out."""

    token: UUID
    key: str
    """The run's key."""
    input: str
    number: int
    """Which attempt this is, from 1."""
    forgiven: int
    granted: int
    result: str | None

    @property
    def counted(self) -> int:
        """Attempts that count against the budget, this one among them."""
        return self.asked - self.granted

    @property
    def asked(self) -> int:
        """How often the participant may have been asked, this time included."""
        return self.number - self.forgiven


def claim(statement: str, token: UUID, parameters: dict[str, Any]) -> Claim | None:
    """Run a claim; None when the step is not to be had."""
    with connection.cursor() as cursor:
        cursor.execute(statement, {**parameters, "token": token})
        row = cursor.fetchone()
    return None if row is None else Claim(token, *row)


def execute(statement: str, parameters: dict[str, Any]) -> int:
    """Run a statement; returns how many rows it wrote."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def fetch(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement; returns its rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
