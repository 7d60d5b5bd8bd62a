"""How the doors are tried: bounded, and the same in every build.

FUZZ_EXAMPLES=2000 tries so many examples at each door, with a seed of its own; FUZZ_SEED=123 repeats one. A failure
prints both, and the input.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, note, seed, settings

MORE = os.environ.get("FUZZ_EXAMPLES", "")
SEED = int(os.environ.get("FUZZ_SEED") or (secrets.randbelow(2**32) if MORE else 11))


def tried(examples: int) -> Callable[[Any], Any]:
    """Put it above `@given`: the test is tried with so many examples, or with FUZZ_EXAMPLES."""
    profile = settings(
        max_examples=int(MORE or examples),
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )

    def decorate(test: Any) -> Any:
        limit = 3600 if MORE else 300  # seconds; shrinking what it found takes a while
        return pytest.mark.timeout(limit)(seed(SEED)(profile(test)))

    return decorate


@contextmanager
def example() -> Iterator[None]:
    """Around one example: what it writes is taken back, and a failure names the seed."""
    note(f"FUZZ_SEED={SEED}{f' FUZZ_EXAMPLES={MORE}' if MORE else ''}")
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
