"""What goes wrong in a bench."""

from __future__ import annotations


class BenchError(Exception):
    """A contender cannot be measured; the message says why, in a sentence."""
