"""Returns: after the point of no return an order is not cancelled but sent back, whole or by line, and refunded.

Why the steps stand in the order they do: `docs/decisions/0023-a-return-pays-back-last.md`.
"""
