"""Hotels: rooms that are booked night by night under a key, and given back."""
