"""What an operator gives with an act: read by its type, held against what is known, kept as JSON."""
