"""The shop's small catalogue, and a customer's wish."""

from tests.orders.conftest import products, wish

__all__ = ["products", "wish"]
