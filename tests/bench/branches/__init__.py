"""`make bench-branches`: steps side by side, what runs that wait cost, and a step for each of many items."""
