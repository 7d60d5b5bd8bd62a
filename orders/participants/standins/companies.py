"""The companies, in one list: a package here, an address and a database each. Imports no Django."""

from __future__ import annotations

COMPANIES = {
    "payments": "The customer's money",
    "warehouse": "The goods",
    "carrier": "The parcels",
}
"""Name, and what the company keeps."""


def database_variable(name: str) -> str:
    """The environment variable that names a company's database."""
    return f"STANDINS_{name.upper()}_URL"
