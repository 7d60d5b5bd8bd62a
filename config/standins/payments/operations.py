"""What the card processor does."""

from ..common.operations import Operation

OPERATIONS = (
    Operation("create", "Opens a payment; no money is touched."),
    Operation("confirm", "Asks the bank to hold the money.", also=("authorize",)),
    Operation("capture", "Charges the card."),
    Operation("cancel", "Lets the money go."),
    Operation("refund", "Gives money back that was charged."),
    Operation("retrieve", "Says what became of one payment or refund."),
    Operation("list", "Lists payments, refunds or events."),
    Operation("close_dispute", "Gives in to a customer who disputes a charge."),
    Operation("endpoint", "Takes the address for its events."),
    Operation(
        "webhook",
        "Tells the shop what happened.",
        kinds={
            "lose": "the event is never sent",
            "twice": "the event is sent twice",
            "slow": "the event is sent after `delay` seconds",
            "reorder": "the event is sent after the order's next one, or after `delay` seconds (30 when 0)",
            "forge": "the event comes with a wrong signature first, and with the right one when it is sent again",
        },
    ),
    Operation(
        "authorization",
        "Keeps the money held until the capture.",
        kinds={"expire": "the bank lets the authorisation go before the capture"},
    ),
    Operation(
        "dispute",
        "Hears customers who dispute a charge.",
        kinds={
            "open": "the customer disputes the charge",
            "won": "the bank decides an open dispute for the shop",
            "lost": "the bank decides an open dispute for the customer",
        },
    ),
)
