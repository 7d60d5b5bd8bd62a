"""What workers tell Flower of a failed task holds no secret."""

from __future__ import annotations

from typing import Any

import pytest

from config.celery import app
from outbox.masking import MASK


@pytest.mark.parametrize("kind", ["task-failed", "task-retried"])
def test_an_error_that_quotes_a_secret_is_masked(settings, kind):
    settings.STRIPE_API_KEY = "a-key-of-ours"
    told: list[dict[str, Any]] = []
    with app.connection_for_write() as broker:
        dispatcher = app.events.Dispatcher(broker, hostname="a-worker", buffer_group=["task"])
        dispatcher.on_send_buffered = lambda: told.extend(dispatcher._group_buffer["task"])
        says = "Invalid API key a-key-of-ours, sk_live_4eC39HqLyjWDarjtT1"
        dispatcher.send(kind, uuid="a-task", exception=f"Refused({says!r})", traceback=says, runtime=0.5)
    (event,) = told
    assert event["exception"] == f"Refused('Invalid API key {MASK}, sk_{MASK}')"
    assert event["traceback"] == f"Invalid API key {MASK}, sk_{MASK}"
    assert (event["uuid"], event["hostname"], event["runtime"]) == ("a-task", "a-worker", 0.5)
