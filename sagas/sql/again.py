"""A run that is run again from a step: what the ended run did before that step counts as done."""

from __future__ import annotations

# What an attempt of the ended run says of a step that was passed over stays: whether it may have happened.
CARRY_OVER = """
UPDATE saga_step n
SET status = o.status, result = o.result, error_class = o.error_class, error_code = o.error_code,
    error_text = o.error_text, carried_from = coalesce(o.carried_from, o.run_id),
    attempts = CASE WHEN o.status = 'passed_over' THEN o.attempts ELSE 0 END,
    forgiven = CASE WHEN o.status = 'passed_over' THEN o.forgiven ELSE 0 END
FROM saga_step o
WHERE o.run_id = %(of)s AND n.run_id = %(run)s AND n.position = o.position AND o.position < %(first)s
"""
