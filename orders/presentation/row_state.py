"""Whether anything that an order's page shows may have changed, for one statement: each open page asks once a second.

Of what waits in the queue the page also shows how many are ahead: one more statement a second, for all pages together.

A row's `xmin` is the transaction that wrote its present version, and `ctid` the place of that version: every write
shows, whoever makes it, and a lock changes nothing. Source: https://www.postgresql.org/docs/current/ddl-system-columns.html
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from sagas.presentation.queue import WAITS_SINCE

from ..sagas import checkout
from . import turn

ORDER = f"""
SELECT o.xmin, o.ctid, r.xmin, r.ctid, j.xmin, j.ctid,
       (SELECT string_agg(concat(xmin, ctid), '' ORDER BY id) FROM saga_step WHERE run_id = r.id),
       (SELECT string_agg(concat(xmin, ctid), '' ORDER BY id) FROM orders_journey_step WHERE journey_id = o.id),
       (SELECT string_agg(concat(xmin, ctid), '' ORDER BY id) FROM orders_cancel_request WHERE order_id = o.id),
       (SELECT string_agg(concat(xmin, ctid), '' ORDER BY id) FROM returns_return WHERE order_id = o.id),
       {WAITS_SINCE},
       (SELECT min({WAITS_SINCE}) FROM returns_return t
        JOIN saga_run r ON r.name = 'return' AND r.key = 'return:' || t.id
        WHERE t.order_id = o.id AND t.status = 'requested')
FROM orders_order o
LEFT JOIN saga_run r ON r.name = %(saga)s AND r.key = %(key)s
LEFT JOIN orders_journey j ON j.order_id = o.id
WHERE o.id = %(id)s
"""


def of_order(order_id: UUID) -> str:
    """Changes with the order, what carries it, what its customer asked, and its returns; "" for no such order.

    Read it before the rows: then it is never newer than what is shown.
    """
    return state_of(ORDER, order_id, checkout.name, f"order:{order_id}")


def state_of(statement: str, row_id: UUID, saga: str, key: str) -> str:
    """The one row that the statement gives, as hexadecimal digits; "" for none. Its last columns are times: since when
    something of it waits in the queue, or null; of these the state has what is said about them."""
    with connection.cursor() as cursor:
        cursor.execute(statement, {"id": row_id, "saga": saga, "key": key})
        row: tuple[Any, ...] | None = cursor.fetchone()
    if row is None:
        return ""
    seen = [turn.words(one) if isinstance(one, datetime) else one for one in row]
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]
