"""What psycopg 2 and psycopg 3 call by different names. Django takes psycopg 3 where both are installed."""

from __future__ import annotations

from typing import Any

from django.db import connection

IDLE, OPEN, ABORTED = 0, 2, 3
"""libpq's PQtransactionStatus: PQTRANS_IDLE, PQTRANS_INTRANS and PQTRANS_INERROR, alike in both."""


def code_of(error: BaseException) -> str:
    """PostgreSQL's code of an error of Django's, such as "40P01"; empty where it has none: the session was lost."""
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or ""


def transaction_status() -> int | None:
    """How the transaction of Django's connection stands; None without a session. The server is not asked."""
    session: Any = connection.connection
    return None if session is None else int(session.info.transaction_status)
