"""Reads another service's events from a Redis Stream."""
