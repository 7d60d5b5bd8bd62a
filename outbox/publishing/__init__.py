"""Writes events in the caller's transaction, and says where they go."""
