"""What the benches share: processes, rivals' environments, counters, rounds, and the report."""
