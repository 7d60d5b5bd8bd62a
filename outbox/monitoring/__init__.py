"""The state of the outbox: limits, alarms, and their words."""
