"""What the stand-ins share: faults, and the ledger of what each really did."""
