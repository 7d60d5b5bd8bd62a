"""`make bench-sagas`: the engine beside absurd, DBOS and bare Celery, on one PostgreSQL and one Redis, in one run."""
