"""What the admin draws: a run to scale, and charts."""
