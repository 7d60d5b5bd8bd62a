"""How the outbox stands: limits, alarms, and their words."""
