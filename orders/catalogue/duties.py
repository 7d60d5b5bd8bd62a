"""Who keeps what the shop shows as available up to date. Importing this registers it."""

from __future__ import annotations

from datetime import timedelta

from outbox.heartbeats.duties import register_duty

register_duty("orders.refresh_availability", timedelta(seconds=10), "asks the warehouse what it has")
