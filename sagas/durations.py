"""Spans of time as people say them: as the outbox says them."""

from outbox.durations import say

__all__ = ["say"]
