"""The pages of the Django admin. Importing this package registers them."""

from . import acts, participants, runs

__all__ = ["acts", "participants", "runs"]
