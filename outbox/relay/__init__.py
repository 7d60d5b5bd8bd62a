"""Sends committed events to their destinations, and again until each has arrived."""
