"""`python -m config.standins migrate | seed | serve --port 8100 | upkeep`."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime

from .companies import COMPANIES, WITH_OUTBOX, alias


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.standins.settings"
    parser = argparse.ArgumentParser(prog="standins", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="migrate every company's database")
    commands.add_parser("seed", help="add stock to an empty warehouse, and flights and rooms for the coming weeks")
    serve = commands.add_parser("serve", help="serve HTTP")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8100)
    commands.add_parser("upkeep", help="run the companies' background jobs")
    arguments = parser.parse_args()
    if arguments.command == "serve":
        run_server(arguments.host, arguments.port)
    import django

    django.setup()
    {"migrate": migrate, "seed": seed, "upkeep": upkeep}[arguments.command]()


def run_server(host: str, port: int) -> None:
    """Become gunicorn: one process with many threads, because a slow company holds a thread for each caller."""
    command = [sys.executable, "-m", "gunicorn", "config.standins.wsgi:application"]
    command += ["--bind", f"{host}:{port}", "--workers", "1", "--threads", "32", "--keep-alive", "30"]
    command += ["--graceful-timeout", "5", "--log-level", "warning", "--no-control-socket"]
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def migrate() -> None:
    from django.core.management import call_command

    for company in COMPANIES:
        call_command("migrate", company, database=alias(company), verbosity=0)
    call_command("migrate", "outbox", database=alias(WITH_OUTBOX), verbosity=0)


def seed() -> None:
    from orders.catalogue.seed import CATALOGUE

    from .flight import seeds as flights
    from .hotel import seeds as hotels
    from .warehouse.models import Stock

    rows = [Stock(sku=product.sku, on_hand=product.stock) for product in CATALOGUE]
    Stock.objects.bulk_create(rows, ignore_conflicts=True)
    today = datetime.now(UTC).date()
    flights.sow(today)
    hotels.sow(today)


def upkeep() -> None:
    from . import background_jobs as work

    work.run()


if __name__ == "__main__":
    main()
