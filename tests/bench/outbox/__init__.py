"""`make bench-outbox`: the relay beside three published ones and a bare loop, on one PostgreSQL and one Redis."""
