"""The database router: each company has a database of its own, and no access to another."""

from __future__ import annotations

from typing import Any

from .companies import COMPANIES, WITH_OUTBOX, alias


class OneDatabaseEach:
    """Keeps an app's tables in the database of its company, and the outbox's tables in the warehouse's."""

    def db_for_read(self, model: Any, **_: Any) -> str:
        return home_of(model._meta.app_label)

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool:
        return db == home_of(app_label)


def home_of(app: str) -> str:
    """The database of an app's tables."""
    return alias(app if app in COMPANIES else WITH_OUTBOX)
