"""What the card processor reports by itself: verified, taken once, and used as a doorbell only."""
