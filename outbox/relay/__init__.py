"""Sends committed messages to their destinations, and again until each has arrived."""
