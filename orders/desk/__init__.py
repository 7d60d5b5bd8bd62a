"""What operators are told, what they may type, and how they search."""
