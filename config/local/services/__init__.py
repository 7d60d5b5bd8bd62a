"""PostgreSQL and Redis on this machine: real servers, started for one folder."""
