"""The pages of the Django admin. Importing this package registers them."""

from . import acts, alerts, participants, runs

__all__ = ["acts", "alerts", "participants", "runs"]
