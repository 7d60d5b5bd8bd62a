"""Every statement of the hot path, in one place. Times are PostgreSQL's: no two machines need to agree on the hour."""

from .deliveries import (
    begin_again,
    bury_delivery,
    claim,
    confirm,
    give_back_overdue,
    hold_delivery,
    is_open,
    take_overdue,
)
from .messages import (
    INSERT_GATHERED,
    Due,
    NewMessage,
    anything_due,
    bury_message,
    columns,
    count_failure,
    fetch,
    hold_message,
    insert_message,
    mark,
)
from .upkeep import oldest_unpublished_age, prune_inbox, prune_published, release_lease, take_lease

__all__ = [
    "INSERT_GATHERED",
    "Due",
    "NewMessage",
    "anything_due",
    "begin_again",
    "bury_delivery",
    "bury_message",
    "claim",
    "columns",
    "confirm",
    "count_failure",
    "fetch",
    "give_back_overdue",
    "hold_delivery",
    "hold_message",
    "insert_message",
    "is_open",
    "mark",
    "oldest_unpublished_age",
    "prune_inbox",
    "prune_published",
    "release_lease",
    "take_lease",
    "take_overdue",
]
