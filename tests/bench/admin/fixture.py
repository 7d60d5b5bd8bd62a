"""Full tables, by SQL alone: so many orders, trips, returns, runs, acts, dead letters and published messages.

Of ten runs one needs a person, and of a hundred orders that events carry one; all but a few others are finished, as in
a shop that has run for a year. Numbers, addresses and keys follow from a row's place, so that the pages know what to
look for. The steps of the newest runs alone are there: a list shows no others.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection

PAST = """
CREATE TEMPORARY TABLE past AS
SELECT n, md5('order' || n)::uuid AS order_id,
       clock_timestamp() - make_interval(secs => (%(rows)s - n) * 365.0 * 86400 / %(rows)s) AS at,
       'ada' || n || '@' || CASE WHEN n %% 3 = 0 THEN 'example.com' ELSE 'post' || n %% 1000 || '.example' END AS email,
       CASE WHEN n > %(rows)s - 200 THEN 'processing'
            WHEN n %% 9 = 4 AND n %% 10 <> 0 OR n %% 1000 = 70 THEN 'needs_attention'
            WHEN n %% 50 = 1 THEN 'cancelled' ELSE 'confirmed' END AS status
FROM generate_series(1, %(rows)s) AS n
"""
TABLES = {
    "orders": """
INSERT INTO orders_order (id, number, email, payment_method, coordination, status, status_reason, action_url,
    payment_intent, charged, tracking, total, currency, idempotency_key, request_hash, basket_hash, version, created_at,
    updated_at)
SELECT order_id, 'S-' || 100000 + n, email, 'pm_card_visa', CASE WHEN n % 10 = 0 THEN 'choreography' ELSE 'saga' END,
       status, '', '', 'pi_' || n, 8900, 'TR' || n, 89, 'EUR', '', '', md5(n::text), 3, at, at FROM past
""",
    "trips": """
INSERT INTO trips_trip (id, number, email, payment_method, status, status_reason, city, flight, flight_name,
    flight_price, departs, hotel, hotel_name, night_price, nights, ticket, room, total, currency, payment_intent,
    charged, action_url, idempotency_key, request_hash, version, created_at, updated_at)
SELECT md5('trip' || n)::uuid, 'T-' || 100000 + n, email, 'pm_card_visa', status, '',
       (ARRAY['Lisbon', 'Oslo', 'Rome'])[1 + n % 3], 'f', 'F', 100, '2026-12-24', 'h', 'H', 50, 2, '', '', 200, 'EUR',
       'pi_t' || n, 20000, '', '', '', 3, at, at FROM past
""",
    "returns": """
INSERT INTO returns_return (id, number, order_id, status, status_reason, reason, amount, currency, parcel, refund_id,
    refunded_at, refusals, idempotency_key, version, created_at, updated_at)
SELECT md5('return' || n)::uuid, 'R-' || 100000 + n, order_id,
       CASE status WHEN 'confirmed' THEN 'done' WHEN 'cancelled' THEN 'declined' WHEN 'processing' THEN 'requested'
                   ELSE status END, '', '', 89, 'EUR', '', 're_' || n, at, 0, n::text, 3, at, at FROM past
""",
    "runs": """
INSERT INTO saga_run (id, name, version, key, subject, input, status, resolution, code, reason, position, pivot,
    wake_at, rings, request_id, traceparent, row_version, created_at, updated_at, finished_at, desk_since, desk_step,
    desk_code, stake, stake_currency)
SELECT uuidv7(at - clock_timestamp()),
       CASE WHEN n % 10 = 3 THEN 'trip' WHEN n % 10000 = 1 THEN 'dispute' ELSE 'checkout' END, 1,
       CASE WHEN n % 10 = 3 THEN 'trip:' || md5('trip' || n)::uuid ELSE 'order:' || order_id END,
       CASE WHEN n % 10 = 3 THEN 'T-' ELSE 'S-' END || 100000 + n || ' ' || email, '{}',
       CASE status WHEN 'confirmed' THEN 'completed' WHEN 'cancelled' THEN 'compensated' WHEN 'processing'
                   THEN 'running' ELSE 'stuck' END,
       '', '', '', 4, 3, NULL, 0, md5(n::text), '', 9, at, at,
       CASE WHEN status IN ('confirmed', 'cancelled') THEN at + interval '3 s' END,
       CASE WHEN status = 'needs_attention' THEN at END,
       CASE WHEN status <> 'needs_attention' THEN ''
            ELSE (ARRAY['reserve_stock', 'commit_stock', 'capture_payment', 'dispatch_parcel'])[1 + n / 100 % 4] END,
       CASE WHEN status <> 'needs_attention' THEN '' WHEN n % 100000 = 70 THEN 'released'
            ELSE (ARRAY['out_of_stock', 'no_answer', 'card_expired', 'address', 'refused'])[1 + n / 1000 % 5] END,
       89, 'EUR'
FROM past
""",
    "steps": """
INSERT INTO saga_step (run_id, position, name, status, attempts, undo_attempts, forgiven, granted, error_class,
    error_code, error_text)
SELECT run.id, step, 'step' || step, 'done', 1, 0, 0, 0, '', '', ''
FROM (SELECT id FROM saga_run ORDER BY id DESC LIMIT 2000) AS run, generate_series(0, 6) AS step
""",
    "acts": """
INSERT INTO saga_act (run_id, actor_name, verb, reason, at, before, after)
SELECT id, 'ann' || row_number() OVER () % 100, CASE WHEN random() < 0.9 THEN 'retry' ELSE 'resolve' END, 'because',
       created_at, '{}', '{}' FROM saga_run
""",
    "dead letters": """
INSERT INTO outbox_dead_letter (message_id, type, version, key, payload, headers, created_at, destination, subscriber,
    position, attempts, error_class, error, traceback, died_at)
SELECT uuidv7(at - clock_timestamp()), 'order_accepted', 1, 'order:' || order_id, '{}', '{}', at, 'tasks',
       'orders.subscribers.confirm', n, 8, CASE WHEN n % 1000 = 0 THEN 'KeyError' ELSE 'TimeoutError' END, 'no answer',
       '', at FROM past
""",
    "published messages": """
INSERT INTO outbox_published (id, destination, message_id, type, version, key, payload, headers, created_at,
    published_at, day)
SELECT n - 1000000000, 'tasks', uuidv7(interval '-1 s'), 'order_accepted', 1, 'order:' || order_id, '{}', '{}', at, at,
       (clock_timestamp() AT TIME ZONE 'UTC')::date FROM past
""",
}


def fill(rows: int, say: Callable[[str], None]) -> None:
    """Fill the tables, which must be empty, each with that many rows; then vacuum."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        cursor.execute(PAST, {"rows": rows})
        for name, statement in TABLES.items():
            cursor.execute(statement)
            say(f"  {name}: {cursor.rowcount} rows")
        cursor.execute("VACUUM (ANALYZE)")
