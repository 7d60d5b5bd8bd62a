"""Our books of charges against the card processor's, compared each night: each difference is a person's case."""
