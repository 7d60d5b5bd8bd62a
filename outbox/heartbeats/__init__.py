"""What must be done again and again, and the sign that each duty leaves when it is done."""
