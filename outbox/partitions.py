"""The history and the inbox, a partition a day: made ahead of time, dropped whole when they are old."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta

from django.db import transaction

from . import sql

logger = logging.getLogger(__name__)

AHEAD = 3  # days; what comes later than the last partition goes to the default one, and is moved when its day is made
PATIENCE = "2s"  # a partition is attached or dropped under a lock that every publish would queue behind


def keep_up(keep: timedelta) -> int:
    """Make the partitions of today and of the days to come, and drop those older than `keep`; how many were dropped.

    A day that something still needs is kept until nothing does.
    """
    today = datetime.now(UTC).date()
    for table in sql.PARTITIONED:
        made = set(sql.partitions(table))
        for day in (today + timedelta(days=n) for n in range(AHEAD + 1)):
            if day not in made:
                _add(table, day)
    return sum(_drop_old(table, today - keep) for table in sql.PARTITIONED)


def _add(table: str, day: date) -> None:
    with transaction.atomic():
        sql.wait_at_most(PATIENCE)
        sql.add_partition(table, day)
    logger.info("Made a partition", extra={"table": table, "day": str(day)})


def _drop_old(table: str, oldest: date) -> int:
    dropped = 0
    for day in sql.partitions(table):
        if day >= oldest:
            break
        with transaction.atomic():
            sql.wait_at_most(PATIENCE)
            sql.lock_whole(table)
            if sql.is_awaited(table, day):
                logger.warning("A day of history is still needed", extra={"table": table, "day": str(day)})
                continue
            sql.drop_partition(table, day)
        dropped += 1
        logger.info("Dropped a partition", extra={"table": table, "day": str(day)})
    return dropped
