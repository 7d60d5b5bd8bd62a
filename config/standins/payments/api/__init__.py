"""Stripe's HTTP API: reads requests, answers each idempotency key once, returns Stripe's JSON."""
