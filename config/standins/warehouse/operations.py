"""What the warehouse does."""

from ..common.operations import Operation

OPERATIONS = (
    Operation("reserve", "Puts goods aside."),
    Operation("release", "Puts them back."),
    Operation("commit", "Takes them out of the stock for good."),
    Operation("restock", "Takes back pieces that a customer returned."),
    Operation("unrestock", "Takes them off the shelf again."),
    Operation("find", "Says what became of a reservation or a return."),
    Operation("stock", "Says how much there is of everything."),
)
