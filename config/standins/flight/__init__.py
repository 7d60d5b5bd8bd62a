"""An airline: seats that are booked under a key, given back, or turned into a ticket."""
