"""What beat calls: the sweep rings overdue runs, prune removes old ones."""
