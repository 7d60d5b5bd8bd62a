"""What the carrier does."""

from ..common.operations import Operation

OPERATIONS = (
    Operation("book", "Prints the label of a parcel."),
    Operation("cancel", "Cancels a parcel."),
    Operation("dispatch", "Fetches the parcel."),
    Operation("find", "Says what became of a booking."),
)
