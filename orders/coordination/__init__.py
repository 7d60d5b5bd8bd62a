"""What carries an order, whichever way that is."""
