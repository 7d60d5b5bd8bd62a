"""What the shop keeps."""

from .cancel_request import CancelRequest
from .journey import Journey, JourneyStep
from .order import Notice, Order, OrderLine, Product

__all__ = ["CancelRequest", "Journey", "JourneyStep", "Notice", "Order", "OrderLine", "Product"]
