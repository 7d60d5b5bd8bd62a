"""Checks of the tables, run by `migrate` and by `check --database default`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connection

from .. import sql
from ..errors import OutboxDeclarationError
from ..publishing import destinations

POSTGRESQL = "postgresql"
QUEUES = ("outbox_message", "outbox_delivery")
VACUUM = "autovacuum_vacuum_scale_factor=0"


@register("outbox")
def check_kind(**_: Any) -> list[CheckMessage]:
    """The database is PostgreSQL. Does not connect."""
    if connection.vendor == POSTGRESQL:
        return []
    text = f"The outbox and the sagas need PostgreSQL, 14 or later, and DATABASES['default'] is {connection.vendor}."
    hint = 'Set its ENGINE to "django.db.backends.postgresql": they need its row locks (SKIP LOCKED).'
    return [Error(text, hint=hint, id="outbox.E008")]


@register("outbox")
def check_binding(**_: Any) -> list[CheckMessage]:
    """Parameters are put in by the client, as psycopg 2 does and psycopg 3 by default."""
    if not (connection.settings_dict.get("OPTIONS") or {}).get("server_side_binding"):
        return []
    text = "DATABASES['default'] binds parameters on the server: the prepared statements of ours take none of those."
    return [Error(text, hint="Take server_side_binding out of its OPTIONS.", id="outbox.E030")]


@register(Tags.database)
def check_tables(databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Tomorrow's partitions exist, the queues are vacuumed by count, and no message waits for a removed destination."""
    if not databases or "default" not in databases or connection.vendor != POSTGRESQL or not sql.is_migrated():
        return []
    return [*_partitions(), *_vacuum(), *_stranded()]


def _partitions() -> Iterator[CheckMessage]:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    for table in sql.PARTITIONED:
        if tomorrow not in sql.partition_days(table):
            text = (
                f"{table} has no partition for tomorrow: its rows go to the default one, which is not dropped by day."
            )
            hint = "Have beat run outbox.prune each hour; it makes partitions three days ahead, and moves such rows."
            yield Warning(text, hint=hint, id="outbox.W011")


def _vacuum() -> Iterator[CheckMessage]:
    options = sql.storage_options(QUEUES)
    for table in QUEUES:
        if VACUUM not in options.get(table, []):
            text = f"{table} is vacuumed by a share of its rows: after a backlog that is too late, and reads get slow."
            hint = f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)"
            yield Warning(text, hint=hint, id="outbox.W012")


def _stranded() -> Iterator[CheckMessage]:
    try:
        known = {one.name for one in destinations.configured()}
    except OutboxDeclarationError:
        return  # check_destinations reports it
    for name in sorted(set(sql.unpublished_ages()) - known):
        text = f"Messages wait for {name}, a destination that OUTBOX_DESTINATIONS does not name: no relay sends them."
        yield Warning(text, hint="Name it again until it is empty.", id="outbox.W013")
