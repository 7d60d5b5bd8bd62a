"""What an Idempotency-Key means, for orders, trips and returns alike: one key makes one thing, whoever asks, and
requests with the same key pass one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import connection, transaction

from ..errors import KeyInUse

T = TypeVar("T")


def once(scope: str, key: str, *, find: Callable[[], T | None], make: Callable[[], T], wait: bool) -> tuple[T, bool]:
    """What `find` says that this key made before, or else what `make` makes now; and whether it was made now.

    All in one transaction, which `make` shares. Keys of different scopes have nothing to do with each other. While an
    earlier request with this key is under way, `wait` waits for its end, as a browser must, which shows the answer to
    the last click; else KeyInUse is raised. An empty key stands for nothing. What `find` and `make` raise is passed on.
    """
    with transaction.atomic():
        alone = not key or _take(f"key:{scope}:{key}", wait=wait)
        found = find() if key else None
        if found is not None:
            return found, False
        if not alone:
            raise KeyInUse
        return make(), True


def _take(name: str, *, wait: bool) -> bool:
    """Have the name to oneself until the transaction ends; False when somebody else has it."""
    function = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [name])
        return wait or bool(cursor.fetchone()[0])
