"""What the first page of the admin shows of this app and of the outbox."""

from __future__ import annotations

from . import causes_of_approvals, causes_of_dead_letters, causes_of_runs, finders
from .sections import Section, add_section

__all__ = [
    "causes_of_approvals",
    "causes_of_dead_letters",
    "causes_of_runs",
    "fill",
    "finders",
]
"""The first four register when they are imported."""


def fill() -> None:
    """Register who works, and the parts of the page that the outbox has."""
    add_section(Section("sagas.watch", "sagas/watch.html", order=1, permission="sagas.view_run"))
    may = "outbox.view_shard"
    add_section(Section("outbox.destinations", "admin/outbox/destination_status.html", order=10, permission=may))
    add_section(Section("outbox.duties", "admin/outbox/duties.html", order=20, permission=may))
