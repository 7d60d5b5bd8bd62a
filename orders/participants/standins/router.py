"""Each company has a database of its own, and sees no other."""

from __future__ import annotations

from typing import Any


class OneDatabaseEach:
    """An app's tables live in the database of its name."""

    def db_for_read(self, model: Any, **_: Any) -> str:
        return str(model._meta.app_label)

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool:
        return db == app_label
