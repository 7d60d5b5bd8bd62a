"""Write events with your data, have a relay publish them, handle each once. Guide: README.md beside this file."""

from .declare.events import Message, event, registry, subscribe
from .declare.upcasts import upcast
from .errors import NotInTransaction, OutboxDeclarationError, OutboxError, PermanentFailure, RetryAfter
from .publishing.publish import publish
from .retry import Retry

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
    "registry",
    "subscribe",
    "upcast",
]
