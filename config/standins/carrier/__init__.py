"""A carrier: books parcels under a key, cancels them, dispatches them, recalls them."""
