"""An act on a connection of its own, at the very moment at which ours holds what it needs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

from tests.support.sagas.clock import someone_waits_for_a_lock
from tests.support.workers import until


class Meanwhile:
    """Does something on a connection of its own, which has to wait for ours; then waits for what came of it."""

    def __init__(self, do: Callable[[], Any]) -> None:
        self.do = do
        self.came: Any = None
        self.raised: Exception | None = None
        self.thread = threading.Thread(target=self._run)

    def waits(self) -> None:
        """Start, and go on when PostgreSQL says that it waits for a lock."""
        self.thread.start()
        until(someone_waits_for_a_lock, 10, what="one waits for the other")

    def ends(self) -> Any:
        """What came of it, once it is over."""
        self.thread.join(10)
        assert not self.thread.is_alive()
        return self.came

    def does_not_wait(self) -> Any:
        """Start, and have it end while our transaction is open."""
        self.thread.start()
        return self.ends()

    def _run(self) -> None:
        try:
            self.came = self.do()
        except Exception as error:
            self.raised = error
        finally:
            connection.close()
