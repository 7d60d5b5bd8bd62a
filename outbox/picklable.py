"""Errors that can be pickled, as Celery does with what a task raises.

Python alone would call the class again with the message only, which fails for other constructors.
"""

from __future__ import annotations

from typing import Any


class PicklableError(Exception):
    """An error that keeps its class, message and attributes when pickled, whatever its constructor takes."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[Exception], args: tuple[Any, ...], fields: dict[str, Any]) -> Exception:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(fields)
    return error
