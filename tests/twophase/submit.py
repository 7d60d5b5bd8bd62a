"""`python -m tests.twophase.submit`: places the orders that come as lines on its input, as a host's view would."""

from __future__ import annotations

import sys

import django
from django.db import transaction

from .order import Order


def main() -> None:
    django.setup()
    from .host.sagas import LabOrder, lab_order

    print("ready.", flush=True)
    for line in sys.stdin:
        order = Order.from_line(line)
        with transaction.atomic():
            value = LabOrder(order.number, order.sku, bool(order.dies_at))
            lab_order.start(value, key=f"lab:{order.number}", subject=order.number)


if __name__ == "__main__":
    main()
