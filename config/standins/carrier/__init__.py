"""A carrier: parcels that are booked under a key, cancelled, or sent on their way."""
