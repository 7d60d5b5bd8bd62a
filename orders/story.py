"""What becomes of an order, a trip or a return, told in the log: a line for each event, once it is committed."""

from __future__ import annotations

import logging
from functools import partial

from django.db import transaction

from outbox.messages import trace

logger = logging.getLogger(__name__)


def tell(event: str, **facts: object) -> None:
    """Log the event at INFO when the transaction in hand commits, in the trace of now; nothing when it is rolled back.

    `facts` name the thing by its number; no address and nothing of how it is paid.
    """
    transaction.on_commit(trace.bound(partial(logger.info, event, extra=facts)), robust=True)
