"""Pictures of products: files among the static ones. One that is not there is refused when it is typed, told by
`manage.py check --database default`, and left out of a page, which never fails for one row."""

from __future__ import annotations

import logging
import re

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.exceptions import SuspiciousOperation

logger = logging.getLogger(__name__)
PATH = re.compile(r"(?:\w[\w.-]*/)*\w[\w.-]*\.(?:svg|png|jpe?g|webp|gif|avif)", re.ASCII | re.IGNORECASE)
SHAPE = "Write the path of a picture among the static files, such as orders/products/mug-slate.svg, or leave it empty."


def problem(path: str) -> str:
    """What is wrong with the path of a picture, for the person who typed it; empty when a page can show it."""
    if not PATH.fullmatch(path):
        return SHAPE
    if finders.find(path) is None or not url_of(path):
        return f"There is no {path} among the static files. {SHAPE}"
    return ""


def url_of(path: str) -> str:
    """Where a page finds the picture; empty when there is none, or the storage knows of no such file."""
    if not PATH.fullmatch(path):
        return ""
    try:
        return staticfiles_storage.url(path)
    except (ValueError, SuspiciousOperation) as missing:  # production's storage has a list of what was collected
        logger.warning("products.picture_missing", extra={"path": path, "why": str(missing)})
        return ""
