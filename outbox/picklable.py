"""Errors that cross processes whole: Celery pickles what a task raises, and by itself Python would call its class anew
with the message alone."""

from __future__ import annotations

from typing import Any


class PicklableError(Exception):
    """An error that keeps its class, its message and its fields, whatever its constructor takes."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[Exception], args: tuple[Any, ...], fields: dict[str, Any]) -> Exception:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(fields)
    return error
