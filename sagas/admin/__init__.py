"""The pages of the Django admin. Importing this package registers them."""

from . import acts, front, participants, runs

__all__ = ["acts", "front", "participants", "runs"]
