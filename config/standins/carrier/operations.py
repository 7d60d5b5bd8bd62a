"""What the carrier does."""

from ..common.operations import Operation

OPERATIONS = (
    Operation("book", "Prints the label of a parcel."),
    Operation("cancel", "Cancels a parcel."),
    Operation("dispatch", "Fetches the parcel."),
    Operation("recall", "Calls a parcel back that is on its way."),
    Operation("unrecall", "Lets it go on."),
    Operation("find", "Says what became of a booking or a recall."),
)
