"""Who may take an order back, until when, and the record of it."""
