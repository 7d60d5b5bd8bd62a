"""How the runs stand and stood: metrics for a collector, and the course of the last hours and days for charts."""
