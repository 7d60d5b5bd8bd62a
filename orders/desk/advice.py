"""What a person on whose desk an order is does about a refusal that nothing here can mend, by its code."""

from __future__ import annotations

TOO_LATE = (
    "The parcel is on its way and cannot be called back from here. Recall it at the carrier, by the number above; when "
    "that is arranged, skip this undo, and the goods and the money follow. Or settle all of it outside, and close it "
    "by hand as undone."
)
OUT_OF_STOCK = (
    "The card is charged, and somebody else has the goods, which were put aside for too long. When the warehouse has "
    "more, retry: nothing is charged twice. If it will have none, refund the payment, cancel the parcel at the "
    "carrier, and close it by hand as undone: the customer is told."
)
RELEASED = (
    "The card is charged, and the warehouse gave the goods back. Put them aside and send them by hand, then skip this "
    "step; or refund the payment, cancel the parcel at the carrier, and close it by hand as undone."
)
ALREADY_COMMITTED = "The goods have left the warehouse: have them brought back and counted there, then skip this undo."

ADVICE = {
    "too_late": TOO_LATE,
    "out_of_stock": OUT_OF_STOCK,
    "released": RELEASED,
    "already_committed": ALREADY_COMMITTED,
}
"""An order that events carry reads the same: there a retry is to requeue the dead letter."""
