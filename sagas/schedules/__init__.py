"""Starts runs at the ticks of schedules: once each, whoever looks and how often."""
