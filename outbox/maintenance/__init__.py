"""Makes partitions, and removes what is old."""
