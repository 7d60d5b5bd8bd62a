"""A warehouse: stock that is put aside under a key, given back, or taken out for good."""
