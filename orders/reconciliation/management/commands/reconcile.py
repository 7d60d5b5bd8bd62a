"""`manage.py reconcile`: compare our books with the card processor's now."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from orders.reconciliation.nightly import reconcile
from sagas.models import ON_DESK, Run


class Command(BaseCommand):
    """What the schedule books-nightly does each night, by hand."""

    help = "Compare what cards were charged by our books and by the card processor's; differences go to the desk."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, help="how far to look back (default: ORDERS_RECONCILE_DAYS)")
        parser.add_argument("--up-to-now", action="store_true", help="do not leave out what was made just now")

    def handle(self, *args: Any, **options: Any) -> None:
        until = timezone.now() if options["up_to_now"] else None
        if options["days"] is not None and options["days"] < 1:
            raise CommandError("--days: give a whole number of days, at least 1.")
        since = timezone.now() - timedelta(days=options["days"]) if options["days"] else None
        done = reconcile(since, until)
        open_cases = Run.objects.filter(ON_DESK, name__in=["books", "dispute"]).count()
        self.stdout.write(
            f"Payments compared: {done.payments}, and charged orders: {done.orders}. Differences: {done.differences}. "
            f"Open disputes: {done.disputes}. Cases on the desk before: {open_cases}."
        )
