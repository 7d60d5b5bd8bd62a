"""A taker's promise, in Redis, that it will look again: while it stands, a run that starts needs no message.

Who takes renews the promise before each look, and takes it back before the last one. Whatever was committed before the
relay read the promise is seen by that last look. The promise of a worker that died ends by itself soon; the runs that
started meanwhile are the sweep's. Without Redis nobody promises anything, and each start has its message.
"""

from __future__ import annotations

import hashlib
import secrets

from outbox import doorbell

from ..declare import registry

STANDS_MS = 40
"""Milliseconds for which it stands. A run that comes just after a look waits for the next one."""
TAKE_BACK = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class Promise:
    """One taker's. Of several takers the last who promised keeps it for all."""

    def __init__(self) -> None:
        self._token = secrets.token_hex(8)
        self._given = False

    def renew(self) -> None:
        """Promise to look again."""
        self._given = True
        doorbell.ask(lambda client: client.set(_key(), self._token, px=STANDS_MS))

    def take_back(self) -> None:
        """Promise nothing any more, unless somebody else has promised since."""
        if self._given:
            self._given = False
            doorbell.ask(lambda client: client.eval(TAKE_BACK, 1, _key(), self._token))


def stands() -> bool:
    """Whether a worker that declares the same sagas as this process has promised to look again."""
    return bool(doorbell.ask(lambda client: client.exists(_key())))


def _key() -> str:
    """One for each database and for each set of sagas: a worker of an older release takes no runs of newer sagas."""
    sagas = " ".join(f"{saga.name}:{saga.version}:{len(saga.steps)}" for saga in registry.all_sagas())
    declared = hashlib.sha256(sagas.encode()).hexdigest()[:16]
    return f"sagas:taking:{doorbell.database()}:{declared}"
