"""The settings for keeping, archiving and pruning finished runs make sense."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string

from ..settings import saga_settings

TO_JSONL = "sagas.archive.to_jsonl"


@register("sagas")
def check_retention(**_: Any) -> list[CheckMessage]:
    """KEEP_FINISHED, PRUNE_BATCH and ARCHIVE are usable: a slip would delete runs too early, or never."""
    return [Error(text, hint=hint, id="sagas.E017") for text, hint in (*_age_problems(), *_archive_problems())]


def _age_problems() -> Iterable[tuple[str, str]]:
    keep, batch = saga_settings.KEEP_FINISHED, saga_settings.PRUNE_BATCH
    if keep is not None and not (isinstance(keep, timedelta) and keep > timedelta(0)):
        hint = "Give a timedelta above zero, such as timedelta(days=90), or None to keep runs for ever."
        yield f"SAGAS_KEEP_FINISHED is {keep!r}.", hint
    if not isinstance(batch, int) or batch < 1:
        yield f"SAGAS_PRUNE_BATCH is {batch!r}.", "Give a whole number above zero, such as 1000."


def _archive_problems() -> Iterable[tuple[str, str]]:
    path = saga_settings.ARCHIVE
    if not path:
        return
    try:
        usable = callable(import_string(path))
    except ImportError:
        usable = False
    if not usable:
        yield f"SAGAS_ARCHIVE names {path}, which is no function.", f"Give the dotted path of one, such as {TO_JSONL}."
    elif path == TO_JSONL and not saga_settings.ARCHIVE_FOLDER:
        yield f"{TO_JSONL} has nowhere to put its files.", "Set SAGAS_ARCHIVE_FOLDER."
