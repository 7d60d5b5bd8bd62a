"""Beat's scheduler: django-celery-beat's, made to survive a lost PostgreSQL and a row that cannot be read.

The library's own ends beat with OperationalError when the database is away at the start or at a reread of the table,
and with a traceback, at every start, when a row needs a package that is not installed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django_celery_beat.schedulers import DatabaseScheduler

from outbox.heartbeats.beat import SparingScheduler
from outbox.streams.receiver import is_outage

log = logging.getLogger(__name__)

FIRST, LONGEST = 0.5, 5.0  # seconds between two attempts to reach a database that is away


class Scheduler(SparingScheduler, DatabaseScheduler):  # type: ignore[misc]
    """Celery uses it through the setting `beat_scheduler`."""

    _last_timestamp: datetime | None = None
    _ready = False
    _wait = FIRST

    def setup_schedule(self) -> None:
        """Done by the first tick instead, where a signal can end beat while the database is away."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; returns the seconds until the next tick. Sends nothing while the database is away."""
        try:
            if not self._ready:
                super().setup_schedule()
                self._ready = True
            seconds: float = super().tick(*args, **kwargs)
        except Exception as error:
            if not is_outage(error):
                raise
            return self._away(error)
        self._wait = FIRST
        return seconds

    def schedule_changed(self) -> bool:
        """Whether to reread the table. Raises DatabaseError; the library's own ignores it."""
        connection.close_if_unusable_or_obsolete()
        last, now = self._last_timestamp, self.Changes.last_change()
        self._last_timestamp = now
        return bool(now and last and now > last)

    def all_as_schedule(self) -> dict[str, Any]:
        """The enabled rows that can be read."""
        entries = {}
        for row in self.enabled_models():
            entry = self._read(row.name, lambda row=row: self.Entry(row, app=self.app))
            if entry is not None:
                entries[row.name] = entry
        return entries

    def update_from_dict(self, mapping: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the settings' schedule into the table."""
        entries = {}
        for name, fields in mapping.items():
            entry = self._read(name, lambda name=name, fields=fields: self.Entry.from_entry(name, self.app, **fields))
            if entry is not None and entry.model.enabled:
                entries[name] = entry
        self.schedule.update(entries)

    def _read(self, name: str, make: Any) -> Any:
        """The entry; None, with a log line, when it cannot be read. Raises DatabaseError when the database is away."""
        try:
            return make()
        except Exception as error:
            if is_outage(error):
                raise
            log.error("beat.unreadable_entry", extra={"entry": name, "error": str(error).strip()})
            return None

    def _away(self, error: Exception) -> float:
        wait, self._wait = self._wait, min(2 * self._wait, LONGEST)
        log.warning("beat.no_database", extra={"error": str(error).strip(), "seconds": wait})
        connection.close()
        self._initial_read, self._heap = True, None  # a table that was read in part is read again
        return wait
