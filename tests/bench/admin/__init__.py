"""How long the operators' pages take on full tables."""
