"""Trips: a flight, a hotel and one payment, in two other companies' books and a bank's. The shop's second saga."""
