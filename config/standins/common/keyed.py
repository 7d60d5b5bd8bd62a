"""Rows that stand for an idempotency key."""

from __future__ import annotations

from typing import Any, Self

from django.db import models

NEW = "new"


class Keyed(models.Model):
    """The state of one key. A row without an order is a tombstone: the key was cancelled before its first call."""

    key = models.CharField(max_length=255, unique=True)
    order = models.CharField(max_length=100, blank=True)

    class Meta:
        abstract = True

    @classmethod
    def claim(cls, key: str) -> Self:
        """The key's row, locked until the transaction ends; a `new` row for an unknown key.

        Two first calls with one key meet at the INSERT: the later one waits for the earlier one. No `new` row is ever
        committed: every caller sets another status or rolls back.
        """
        objects: Any = cls._default_manager
        objects.bulk_create([cls(key=key)], ignore_conflicts=True)
        row: Self = objects.select_for_update().get(key=key)
        return row

    @classmethod
    def find(cls, key: str) -> Self | None:
        """The key's row, without a lock; None for an unknown key."""
        objects: Any = cls._default_manager
        row: Self | None = objects.filter(key=key).first()
        return row

    @classmethod
    def locked(cls, key: str) -> Self | None:
        """The key's row, locked until the transaction ends; None for an unknown key."""
        objects: Any = cls._default_manager
        row: Self | None = objects.select_for_update().filter(key=key).first()
        return row

    @classmethod
    def order_of(cls, key: str) -> str:
        """The order of the key; "" when it is unknown."""
        row = cls.find(key)
        return row.order if row else ""
