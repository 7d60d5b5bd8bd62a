"""The operators' window. Importing it registers its pages."""

from . import acts, participants, runs

__all__ = ["acts", "participants", "runs"]
