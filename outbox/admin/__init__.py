"""The operators' pages in the admin: rows are read-only; acts ask for a reason and are recorded."""

from . import deadletters, holds, messages, shards

__all__ = ["deadletters", "holds", "messages", "shards"]
