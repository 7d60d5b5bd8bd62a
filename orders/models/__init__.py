"""What the shop keeps."""

from .cancel_request import CancelRequest
from .journey import Journey, JourneyStep
from .notice import Notice
from .order import Order, OrderLine
from .product import Product

__all__ = ["CancelRequest", "Journey", "JourneyStep", "Notice", "Order", "OrderLine", "Product"]
