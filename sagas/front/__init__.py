"""What the admin's first page holds: why a person is needed, what waits, a search box, and parts of other apps."""
