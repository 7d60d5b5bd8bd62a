"""The outside systems: our clients of them, and in `standins/` what stands in for them on a developer's machine."""
