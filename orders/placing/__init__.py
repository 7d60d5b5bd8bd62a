"""From what a client sent to an order."""
