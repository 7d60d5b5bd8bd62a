"""Who may be called now: circuit breakers, rate limits, and runs that wait for a participant."""
