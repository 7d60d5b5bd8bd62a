"""Writes events in the caller's transaction, and decides where they go."""
