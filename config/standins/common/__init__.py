"""What the stand-ins have in common: their faults, and the ledger of what they really did."""
