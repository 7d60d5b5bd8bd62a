"""The shop in the admin. Importing it registers its pages."""

from . import orders, products

__all__ = ["orders", "products"]
