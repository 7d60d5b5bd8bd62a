"""What the hotels do."""

from ..common.operations import Operation

OPERATIONS = (
    Operation("book", "Keeps a room for the nights."),
    Operation("cancel", "Gives the room back."),
    Operation("find", "Says what became of a booking."),
    Operation("hotels", "Lists the hotels, with the rooms that are left."),
)
