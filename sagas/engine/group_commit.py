"""Lets the threads of a process share a statement: whoever comes while another is at the database waits for the next.

What a statement costs is its round trip and its commit, hardly its rows.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

from outbox.consuming import failures

logger = logging.getLogger(__name__)
Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
MOST = 64
"""Items in one statement."""
GATHER_FOR = 0.004
"""Seconds that the first of a group waits for others, while several threads write."""
BUSY = 0.01
"""Several threads write, when another one has written less than so many seconds ago."""
LONGEST = 0.1
"""Seconds that an item waits for its turn; then its thread writes it alone."""


class _Waiting(Generic[Item, Value]):
    """One thread's item, and what became of it."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.turn = threading.Event()
        self.leads = False
        self.value: Value | None = None


class GroupCommit(Generic[Item, Key, Value]):
    """Writes the items of all threads that come at the same time."""

    def __init__(
        self,
        alone: Callable[[Item], Value],
        together: Callable[[Sequence[Item]], Mapping[Key, Value]],
        key_of: Callable[[Item], Key],
    ) -> None:
        """`together` leaves out the keys that it did not write; those are written `alone`."""
        self._alone, self._together, self._key_of = alone, together, key_of
        self._lock = threading.Lock()
        self._busy = False
        self._last: tuple[int, float] = (0, 0.0)
        """The thread that came last, and its monotonic time."""
        self._queue: deque[_Waiting[Item, Value]] = deque()

    def do(self, item: Item) -> Value:
        """Write the item, with others that wait. Raises what writing it alone raises."""
        mine: _Waiting[Item, Value] = _Waiting(item)
        thread, now = threading.get_ident(), time.monotonic()
        with self._lock:
            last, at = self._last
            self._last = thread, now
            if self._busy:
                self._queue.append(mine)
            else:
                self._busy = mine.leads = True
        if not mine.leads:
            if not self._waits(mine):
                return self._alone(item)
        elif last != thread and now - at < BUSY:
            time.sleep(GATHER_FOR)
        if mine.leads:
            return self._lead(mine)
        return self._alone(item) if mine.value is None else mine.value

    def _waits(self, mine: _Waiting[Item, Value]) -> bool:
        """Wait for the turn; False: whoever leads is held up, perhaps by a lock, and the item is out of the queue."""
        while not mine.turn.wait(LONGEST):
            with self._lock:
                if mine in self._queue:
                    self._queue.remove(mine)
                    return False
        return True

    def _lead(self, mine: _Waiting[Item, Value]) -> Value:
        with self._lock:
            batch = [mine, *(self._queue.popleft() for _ in range(min(len(self._queue), MOST - 1)))]
        try:
            if len(batch) == 1:
                return self._alone(mine.item)
            self._write(batch)
        finally:
            self._hand_over(batch[1:])
        return self._alone(mine.item) if mine.value is None else mine.value

    def _hand_over(self, written: Sequence[_Waiting[Item, Value]]) -> None:
        """Let go those whose items were in the statement, and have the next one in the queue lead."""
        with self._lock:
            follower = self._queue.popleft() if self._queue else None
            if follower is None:
                self._busy = False
            else:
                follower.leads = True
        for one in [*written, *([follower] if follower else [])]:
            one.turn.set()

    def _write(self, batch: Sequence[_Waiting[Item, Value]]) -> None:
        """Write all; when that fails, none has a value, and each writes its own and learns why."""
        try:
            values = self._together([one.item for one in batch])
        except Exception as error:
            facts = {"runs": len(batch), "error": str(error).strip()}
            logger.warning("saga.recorded_singly", exc_info=failures.stack_of(error), extra=facts)
            return
        for one in batch:
            one.value = values.get(self._key_of(one.item))
