"""`python -m tests.bench.shop.fill ROWS`: give a shop without orders a past of so many, all but a few finished."""

from __future__ import annotations

import sys

import django

NUMBERS = "SELECT setval('orders_order_number', 100000 + %s)"
"""The past took the numbers up to this one."""


def main(rows: int) -> None:
    django.setup()
    from django.db import connection

    from tests.bench.admin.fixture import fill

    fill(rows, print)
    with connection.cursor() as cursor:
        cursor.execute(NUMBERS, [rows])


if __name__ == "__main__":
    main(int(sys.argv[1]))
