"""Write events with your data, have them relayed, consume them once. The promises: README.md beside this file."""

from .declaration import Message, event, subscribe
from .errors import NotInTransaction, OutboxDeclarationError, OutboxError, PermanentFailure, RetryAfter
from .publish import publish
from .retry import Retry
from .upcasts import upcast

__all__ = [
    "Message",
    "NotInTransaction",
    "OutboxDeclarationError",
    "OutboxError",
    "PermanentFailure",
    "Retry",
    "RetryAfter",
    "event",
    "publish",
    "subscribe",
    "upcast",
]
