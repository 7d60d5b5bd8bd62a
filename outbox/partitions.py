"""The history and the inbox, a partition a day: made ahead of time, dropped whole when they are old."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from django.db import OperationalError, transaction

from . import sql

logger = logging.getLogger(__name__)

AHEAD = 3  # days; what comes later than the last partition goes to the default one, and is moved when its day is made
LONGER = {"outbox_published": timedelta(0), "outbox_inbox": timedelta(days=1)}
"""The inbox remembers for longer than copies are let in (`Delivery.is_forgotten`): clocks differ, and the day in an id
need not be that of its row."""
LOCK_NOT_AVAILABLE = "55P03"
PATIENCE = "2s"  # a partition is attached or dropped under a lock that every publish would queue behind


def keep_up(keep: timedelta) -> int:
    """Make the partitions of today and of the days to come, and drop those older than `keep`; how many were dropped.

    A day that something still needs is kept until nothing does. One that cannot be locked is left to the next time.
    """
    now = datetime.now(UTC)
    for table in sql.PARTITIONED:
        made = set(sql.partitions(table))
        for day in (now.date() + timedelta(days=n) for n in range(AHEAD + 1)):
            if day not in made:
                _patiently(_add, table, day)
    return sum(_drop_old(table, (now - keep - LONGER[table]).date()) for table in sql.PARTITIONED)


def _drop_old(table: str, oldest: date) -> int:
    """Drop the days before `oldest`, of which the whole is too old."""
    dropped = 0
    for day in sql.partitions(table):
        if day >= oldest:
            break
        if sql.is_awaited(table, day):  # seen without a lock: nobody is kept waiting for this
            logger.warning("A day of history is still needed", extra={"table": table, "day": str(day)})
        else:
            dropped += _patiently(_drop, table, day)
    return dropped


def _patiently(act: Callable[[str, date], bool], table: str, day: date) -> bool:
    """Whether it was done, in a transaction. What is locked for too long is left for another time."""
    try:
        with transaction.atomic():
            sql.wait_at_most(PATIENCE)
            return act(table, day)
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", None) != LOCK_NOT_AVAILABLE:
            raise
        logger.warning("A partition is busy; it is tried again later", extra={"table": table, "day": str(day)})
        return False


def _add(table: str, day: date) -> bool:
    sql.lock_default(table)
    if day in sql.partitions(table):  # somebody else made it meanwhile
        return False
    sql.add_partition(table, day)
    logger.info("Made a partition", extra={"table": table, "day": str(day)})
    return True


def _drop(table: str, day: date) -> bool:
    """Look again under the lock: by now somebody may need the day, or have dropped it."""
    sql.lock_whole(table)
    if day not in sql.partitions(table) or sql.is_awaited(table, day):
        return False
    sql.drop_partition(table, day)
    logger.info("Dropped a partition", extra={"table": table, "day": str(day)})
    return True
