"""The list of the companies: each has a package here, a URL prefix and a database. Imports no Django."""

from __future__ import annotations

COMPANIES = {
    "payments": "The customer's money",
    "warehouse": "The goods",
    "carrier": "The parcels",
    "flight": "The seats",
    "hotel": "The rooms",
}
"""Name, and what the company is responsible for."""


WITH_OUTBOX = "warehouse"
"""The company that publishes events. The outbox writes to Django's default database, which is this company's."""


def alias(name: str) -> str:
    """The alias of a company's database in Django's DATABASES."""
    return "default" if name == WITH_OUTBOX else name


def database_variable(name: str) -> str:
    """The environment variable that names a company's database."""
    return f"STANDINS_{name.upper()}_URL"
