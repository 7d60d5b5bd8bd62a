"""The shop in JSON."""
