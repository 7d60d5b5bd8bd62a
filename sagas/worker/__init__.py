"""Celery: chains of steps, several steps in one task, events for Flower, and what a worker leaves behind."""
