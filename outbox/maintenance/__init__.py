"""Partitions, and the removal of what is old."""
