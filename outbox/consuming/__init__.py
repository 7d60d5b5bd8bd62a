"""Hands messages to subscribers: once, in order, or several at a time."""
