"""`make storm`: orders are placed while the processes of a real stack are killed; all settle, and the books agree."""
