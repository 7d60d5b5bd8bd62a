"""The history and the inbox, a partition a day: made ahead of time, dropped whole when they are old."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from django.db import OperationalError, transaction

from .. import sql
from ..sql import driver

logger = logging.getLogger(__name__)

AHEAD = 3  # days; what comes later than the last partition goes to the default one, and is moved when its day is made
LONGER = {"outbox_published": timedelta(0), "outbox_inbox": timedelta(days=1)}
"""The inbox remembers for longer than copies are let in (`Delivery.is_forgotten`): clocks differ, and the day in an id
need not be that of its row."""
OUT_OF_TIME = {"55P03", "57014"}  # lock_not_available, query_canceled
PATIENCE = "50ms"
"""A day is made or dropped under a lock that every publish queues behind from the moment in which it is asked for."""
LOOK = "200ms"  # for the last look under that lock
TRIES, PAUSE = 10, 0.5  # a table; seconds between two
SLOW = timedelta(seconds=1)  # whoever has held the table for so long, as a dump does, will not let go in PATIENCE


class Busy(Exception):
    """Somebody holds the table, and went on holding it."""


def keep_up(keep: timedelta) -> int:
    """Make the partitions of today and of the days to come, and drop those older than `keep`; how many were dropped.

    A day that something still needs is kept until nothing does. A table that cannot be locked is left to the next
    time, of which there are many before the first day is missing: whoever publishes must not notice.
    """
    now = datetime.now(UTC)
    return sum(_keep_up(table, now.date(), (now - keep - LONGER[table]).date()) for table in sql.PARTITIONED)


def _keep_up(table: str, today: date, oldest: date) -> int:
    try:
        made = set(sql.partitions(table))
        for day in (today + timedelta(days=n) for n in range(AHEAD + 1)):
            if day not in made:
                _patiently(_add, table, day)
        return _drop_old(table, oldest)
    except Busy as busy:
        logger.warning("A partition is busy; it is tried again later: %s", busy, extra={"table": table})
        return 0


def _drop_old(table: str, oldest: date) -> int:
    """Drop the days before `oldest`, of which the whole is too old. A table that gets busy keeps the rest."""
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
    """Whether it was done, in a transaction. Raises Busy when the table was not to be had.

    Who holds it is asked first, without queueing: a lock that waits behind a dump keeps all others waiting too.
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
                sql.wait_at_most(PATIENCE)
                return act(table, day)
        except OperationalError as error:
            if driver.code_of(error) not in OUT_OF_TIME:
                raise
    raise Busy(f"{table}, for {day}, {f'held by {holder}' if holder else 'always in use'}")


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
    with sql.at_most(LOOK):
        if day not in sql.partitions(table) or sql.is_awaited(table, day):
            return False
    sql.drop_partition(table, day)
    logger.info("Dropped a partition", extra={"table": table, "day": str(day)})
    return True
