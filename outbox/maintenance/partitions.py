"""The daily partitions of the history and of the inbox: made ahead of time, dropped when they are old."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from django.db import OperationalError, transaction

from .. import sql
from ..sql import driver

logger = logging.getLogger(__name__)

AHEAD = 3  # days; later rows go to the default partition, and are moved when their day's partition is made
LONGER = {"outbox_published": timedelta(0), "outbox_inbox": timedelta(days=1)}
"""The inbox remembers longer than copies are accepted (`Delivery.is_forgotten`), because clocks differ and the day
in an id need not be the day of its row.
"""
OUT_OF_TIME = {"55P03", "57014"}  # lock_not_available, query_canceled
PATIENCE = "50ms"
"""Making or dropping a partition needs a lock. Every publish queues behind that lock from the moment it is
requested.
"""
LOOK = "200ms"  # for the last check under that lock
TRIES, PAUSE = 10, 0.5  # tries for each table; seconds between two
SLOW = timedelta(seconds=1)  # a session that has held the table for so long, as a dump does, holds it past PATIENCE


class Busy(Exception):
    """Another session holds the table and did not release it."""


def keep_up(keep: timedelta) -> int:
    """Make the partitions from today to AHEAD days from now, and drop those older than `keep`.

    Returns how many were dropped.

    A day that something still needs is kept. A table that cannot be locked is left for the next run, because publishing
    must not be delayed; there are many runs before a partition is missing.
    """
    now = datetime.now(UTC)
    return sum(_keep_up(table, now.date(), (now - keep - LONGER[table]).date()) for table in sql.PARTITIONED)


def _keep_up(table: str, today: date, oldest: date) -> int:
    try:
        made = set(sql.partition_days(table))
        for day in (today + timedelta(days=n) for n in range(AHEAD + 1)):
            if day not in made:
                _patiently(_add, table, day)
        return _drop_old(table, oldest)
    except Busy as busy:
        logger.warning("A partition is busy; it is tried again later: %s", busy, extra={"table": table})
        return 0


def _drop_old(table: str, oldest: date) -> int:
    """Drop the partitions before `oldest`. When the table becomes busy, the rest stays."""
    dropped = 0
    for day in sql.partition_days(table):
        if day >= oldest:
            break
        if sql.is_awaited(table, day):  # checked without a lock: nobody waits for this
            logger.warning("A day of history is still needed", extra={"table": table, "day": str(day)})
        else:
            dropped += _patiently(_drop, table, day)
    return dropped


def _patiently(act: Callable[[str, date], bool], table: str, day: date) -> bool:
    """Run `act` in a transaction; returns its result. Raises Busy when the table could not be locked.

    Holders of the lock are looked up first without queueing, because a lock that waits behind a dump blocks everybody
    else.
    """
    holder = ""
    for turn in range(TRIES):
        if turn:
            time.sleep(PAUSE)
        slow = sql.holder_of(table, SLOW)
        if slow:
            holder = slow
            continue
        try:
            with transaction.atomic():
                sql.set_lock_timeout(PATIENCE)
                return act(table, day)
        except OperationalError as error:
            if driver.code_of(error) not in OUT_OF_TIME:
                raise
    raise Busy(f"{table}, for {day}, {f'held by {holder}' if holder else 'always in use'}")


def _add(table: str, day: date) -> bool:
    sql.lock_default(table)
    if day in sql.partition_days(table):  # another process made it meanwhile
        return False
    sql.add_partition(table, day)
    logger.debug("Made a partition", extra={"table": table, "day": str(day)})
    return True


def _drop(table: str, day: date) -> bool:
    """Check again under the lock: by now something may need the day, or another process may have dropped it."""
    sql.lock_whole(table)
    with sql.statement_timeout(LOOK):
        if day not in sql.partition_days(table) or sql.is_awaited(table, day):
            return False
    sql.drop_partition(table, day)
    logger.info("Dropped a partition", extra={"table": table, "day": str(day)})
    return True
