"""The operators' window: rows are looked at, never edited; acts ask for a reason and are recorded."""

from . import deadletters, holds, messages, shards

__all__ = ["deadletters", "holds", "messages", "shards"]
