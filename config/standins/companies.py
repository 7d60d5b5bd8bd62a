"""The companies, in one list: a package here, an address and a database each. Imports no Django."""

from __future__ import annotations

COMPANIES = {
    "payments": "The customer's money",
    "warehouse": "The goods",
    "carrier": "The parcels",
    "flight": "The seats",
    "hotel": "The rooms",
}
"""Name, and what the company keeps."""


WITH_OUTBOX = "warehouse"
"""The company that publishes events: the outbox writes to Django's default database, so that one is this company's."""


def alias(name: str) -> str:
    """Under which name Django knows a company's database."""
    return "default" if name == WITH_OUTBOX else name


def database_variable(name: str) -> str:
    """The environment variable that names a company's database."""
    return f"STANDINS_{name.upper()}_URL"
