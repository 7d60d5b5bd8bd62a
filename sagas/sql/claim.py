"""Take a step, or its undo."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from .run import Statement

# When somebody must look again: as the lease ends. An earlier claim's time is kept while it serves, since a changed one
# costs an entry in each of the table's indexes.
WAKE = """CASE WHEN r.wake_at BETWEEN {lease} AND {lease} + interval '2 s' THEN r.wake_at
                 ELSE {lease} + interval '1 s' END"""

# A step is free when it has not run, when its wait is over, or when the lease of the worker that had it has run out.
# `must_stop`: a cancel or a passed deadline counts until the pivot is first asked for; afterwards it is too late.
_CLAIM = """
WITH run AS (
    SELECT id, key, input, position, pivot, asks_since IS NOT NULL AS asks, share IS NOT NULL AS shares,
           (cancel_requested_at IS NOT NULL OR deadline_at <= statement_timestamp()) IS TRUE AS must_stop
    FROM saga_run WHERE id = %(run)s AND status = '{run_status}' AND position = %(position)s
      AND version = %(version)s AND paused_at IS NULL AND queued_at IS NULL
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
    UPDATE saga_run r
    SET rings = 0, row_version = r.row_version + 1, waits_for = '', ready_at = NULL, wake_at = {wake}
    FROM step WHERE r.id = step.run_id
)
SELECT run.key::text, run.input::text, step.number, step.forgiven, step.granted, step.result::text, run.asks, run.shares
FROM run JOIN step ON step.run_id = run.id
"""

CLAIM_STEP = Statement(
    "saga_claim_step",
    _CLAIM.format(
        run_status="running",
        step_status="running",
        attempts="attempts",
        free="'pending', 'waiting'",
        direction="forward",
        allowed="(NOT run.must_stop OR run.position > run.pivot "
        "OR run.position = run.pivot AND s.attempts > s.forgiven)",
        wake=WAKE.format(lease="step.lease_until"),
    ),
)
CLAIM_UNDO = Statement(
    "saga_claim_undo",
    _CLAIM.format(
        run_status="undoing",
        step_status="undoing",
        attempts="undo_attempts",
        free="'undo_due', 'undo_waiting'",
        direction="undo",
        allowed="TRUE",
        wake=WAKE.format(lease="step.lease_until"),
    ),
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A step, or its undo, taken by this worker until its lease runs out."""

    token: UUID
    key: str
    """The run's key."""
    input: str = field(repr=False)  # what it holds is nobody's who reads a traceback; so with results
    number: int
    """Which attempt this is, from 1."""
    forgiven: int
    granted: int
    result: str | None = field(repr=False)
    asks: bool = False
    """Whether the run is on a person's desk; it leaves it with a record."""
    shares: bool = False
    """Whether the run shares the workers: when it ends, another of its share may be let in."""


def claim(parameters: dict[str, Any], *, undo: bool) -> Claim | None:
    """Take the step at `run`, `position`; None when it is not to be had."""
    token = uuid4()
    rows = (CLAIM_UNDO if undo else CLAIM_STEP).rows({**parameters, "token": token})
    return Claim(token, *rows[0]) if rows else None
