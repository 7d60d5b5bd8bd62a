"""What the cardholder sees: the bank's confirmation page and the card statement."""
