"""What psycopg 2 and psycopg 3 call by different names. Django takes psycopg 3 where both are installed."""

from __future__ import annotations

import threading
import time
from typing import Any

from django.db import close_old_connections, connection, connections

IDLE, OPEN, ABORTED = 0, 2, 3
"""libpq's PQtransactionStatus: PQTRANS_IDLE, PQTRANS_INTRANS and PQTRANS_INERROR, alike in both."""
TRUSTED = 1.0  # seconds for which a thread's connections are trusted without a check
_checked = threading.local()


def code_of(error: BaseException) -> str:
    """PostgreSQL's code of an error of Django's, such as "40P01"; empty where it has none: the session was lost."""
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or ""


def transaction_status() -> int | None:
    """How the transaction of Django's connection stands; None without a session. The server is not asked."""
    session: Any = connection.connection
    return None if session is None else int(session.info.transaction_status)


def drop_broken_connections() -> None:
    """Close this thread's connections that PostgreSQL has dropped, so that they do not fail what follows.

    For threads whose connections outlive a piece of work. Django's check of a connection costs a round trip, so a busy
    thread checks once a second, and at once after an error.
    """
    failed = any(one.errors_occurred for one in connections.all(initialized_only=True))
    if failed or time.monotonic() - getattr(_checked, "at", -TRUSTED) >= TRUSTED:
        close_old_connections()
        _checked.at = time.monotonic()
