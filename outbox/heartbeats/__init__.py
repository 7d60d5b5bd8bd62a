"""Work that must happen again and again, and the heartbeat that each duty leaves when it finishes."""
