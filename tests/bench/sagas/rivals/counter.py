"""The key in Redis by which bare Celery's runs are counted."""

FINISHED = "bench:finished"
