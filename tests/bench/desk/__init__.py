"""`make bench-desk`: how many clicks, and how much time of the machine, an operator needs for six jobs."""
