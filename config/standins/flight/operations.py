"""What the airline does."""

from ..common.operations import Operation

OPERATIONS = (
    Operation("book", "Keeps a seat."),
    Operation("cancel", "Gives the seat back."),
    Operation("ticket", "Issues the ticket, once the trip is paid."),
    Operation("find", "Says what became of a booking."),
    Operation("flights", "Lists the flights, with the seats that are left."),
)
