"""Each company has a database of its own, and sees no other."""

from __future__ import annotations

from typing import Any

from .companies import COMPANIES, WITH_OUTBOX, alias


class OneDatabaseEach:
    """An app's tables live in the database of its company; those of the outbox in the warehouse's."""

    def db_for_read(self, model: Any, **_: Any) -> str:
        return home_of(model._meta.app_label)

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool:
        return db == home_of(app_label)


def home_of(app: str) -> str:
    """The database of an app's tables."""
    return alias(app if app in COMPANIES else WITH_OUTBOX)
