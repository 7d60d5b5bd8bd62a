"""What beat starts: the sweep restarts overdue runs, and prune deletes old ones."""
