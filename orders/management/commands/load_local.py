"""`manage.py load_local`: what a newcomer needs to try the shop on their own machine."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from orders.catalogue.seed import CATALOGUE
from orders.models import Product


class Command(BaseCommand):
    """Run it as often as you like."""

    help = "Load the catalogue and an operator's account (operator / operator) for local use."

    def handle(self, *args: object, **options: object) -> None:
        if not settings.LOCAL:
            raise CommandError("This is not a local installation (SETTLE_LOCAL is not set): nothing was loaded.")
        products = load_catalogue()
        load_operator()
        self.stdout.write(f"{products} new products; the operator's account is operator / operator.")


def load_catalogue() -> int:
    """Add the missing products and say how many; those already there keep an operator's changes."""
    added = 0
    for item in CATALOGUE:
        values = {
            "name": item.name,
            "description": item.description,
            "price": item.price,
            "available": item.stock,
            "image": f"orders/products/{item.sku}.svg",
        }
        _, created = Product.objects.get_or_create(sku=item.sku, defaults=values)
        added += created
    return added


def load_operator() -> None:
    """An account that may do everything in the admin; its password is public, hence local use only."""
    users = get_user_model().objects
    if not users.filter(username="operator").exists():
        users.create_superuser("operator", "operator@settle.example", "operator")
