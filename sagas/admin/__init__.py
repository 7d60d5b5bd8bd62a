"""The pages of the Django admin. Importing this package registers them."""

from . import acts, alerts, front, participants, runs, schedules

__all__ = ["acts", "alerts", "front", "participants", "runs", "schedules"]
