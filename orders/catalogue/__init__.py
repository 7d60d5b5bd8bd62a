"""What is on sale, and how much there is of it."""
