"""Is the outbox moving? Age says so; a full table that moves is healthy, one old message is not."""

from __future__ import annotations

from datetime import timedelta

from . import sql


def oldest_unpublished_age() -> timedelta | None:
    """How long the oldest message has waited to be published; None when none waits. One probe of the table's head."""
    return sql.oldest_unpublished_age()
