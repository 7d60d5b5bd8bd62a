"""Who reacts to what. Importing it subscribes them."""

from . import carrier, payments, shop, warehouse

__all__ = ["carrier", "payments", "shop", "warehouse"]
