"""What the warehouse does."""

from ..common.operations import Operation

OPERATIONS = (
    Operation("reserve", "Puts goods aside."),
    Operation("release", "Puts them back."),
    Operation("commit", "Takes them out of the stock for good."),
    Operation("find", "Says what became of a reservation."),
    Operation("stock", "Says how much there is of everything."),
)
