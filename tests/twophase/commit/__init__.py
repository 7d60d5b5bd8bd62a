"""The two-phase commit: its coordinator, the coordinator's log, and a branch in each database."""
