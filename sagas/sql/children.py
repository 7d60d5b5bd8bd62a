"""Start runs for a step of another run, and read how they stand.

Whoever starts or takes back children holds their parent's row: the lock order is parent, then child. A child that ends
locks its own row alone; an event tells its parent.
"""

from __future__ import annotations

from .run import Statement

# Branches, or items: the parent's trace, request and subject are theirs. A key that another run has is not started: the
# caller compares the count.
START_CHILDREN = Statement(
    "saga_start_children",
    """
WITH given AS MATERIALIZED (
    SELECT u.* FROM unnest(%(ids)s, %(keys)s, %(inputs)s, %(items)s) AS u (id, key, input, item)
), run AS (
    INSERT INTO saga_run (id, name, version, key, subject, input, status, resolution, code, reason, position, pivot,
                          rings, wake_at, ready_at, request_id, traceparent,
                          is_branch, row_version, created_at, updated_at)
    SELECT given.id, %(name)s, %(version)s, given.key, %(subject)s, given.input::jsonb, 'running', '', '', '', 0,
           %(pivot)s, 0,
           CASE WHEN NOT %(pooled)s THEN clock_timestamp() + make_interval(secs => %(patience)s) END,
           CASE WHEN %(pooled)s THEN clock_timestamp() END,
           %(request_id)s, %(traceparent)s, true, 1, clock_timestamp(), clock_timestamp()
    FROM given
    ON CONFLICT (name, key) DO NOTHING
    RETURNING id
), step AS (
    INSERT INTO saga_step (run_id, position, name, status, attempts, undo_attempts, forgiven, granted,
                           error_class, error_code, error_text)
    SELECT run.id, u.position - 1, u.name, 'pending', 0, 0, 0, 0, '', '', ''
    FROM run, unnest(%(names)s) WITH ORDINALITY AS u(name, position)
)
INSERT INTO saga_child (run_id, parent_id, step, item)
SELECT run.id, %(parent)s, %(step)s, given.item FROM run JOIN given ON given.id = run.id
""",
)

CHILDREN = Statement(
    "saga_children",
    """
SELECT c.item, r.id, r.name::text, r.key::text, r.status::text, r.resolution::text, r.code::text, r.reason,
       r.status = 'stuck' OR r.asks_since IS NOT NULL
FROM saga_child c JOIN saga_run r ON r.id = c.run_id
WHERE c.parent_id = %(parent)s AND c.step = %(step)s
ORDER BY c.item
""",
)

# What each of a step's items returned, in order; NULL of one that a person closed by hand.
ITEM_RESULTS = Statement(
    "saga_item_results",
    """
SELECT s.result::text
FROM saga_child c JOIN saga_step s ON s.run_id = c.run_id AND s.position = 0
WHERE c.parent_id = %(parent)s AND c.step = %(step)s
ORDER BY c.item
""",
)

# What a branch returned; the parent knows the step that started it by another name.
BRANCH_RESULT = Statement(
    "saga_branch_result",
    """
SELECT s.result::text
FROM saga_child c JOIN saga_run r ON r.id = c.run_id AND r.is_branch
JOIN saga_step s ON s.run_id = r.id AND s.position = 0
WHERE c.parent_id = %(run)s AND c.step <> %(name)s AND s.name = %(name)s AND s.result IS NOT NULL
""",
)
