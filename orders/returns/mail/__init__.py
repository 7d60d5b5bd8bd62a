"""The letters about returns."""
