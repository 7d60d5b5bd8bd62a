"""How an order's status changes."""
