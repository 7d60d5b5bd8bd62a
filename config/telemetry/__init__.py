"""OpenTelemetry by its standard environment variables, see docs/production.md. By default it is not even imported."""

from .switch import flush, start, start_web

__all__ = ["flush", "start", "start_web"]
