"""Helpers for tests of projects that use the outbox."""

from .crash_points import CrashPoint, crashing_relay
from .helpers import drain, published

__all__ = ["CrashPoint", "crashing_relay", "drain", "published"]
