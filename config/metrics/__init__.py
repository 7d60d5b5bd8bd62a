"""`/metrics`: what Prometheus scrapes of the web process, for the whole system."""
