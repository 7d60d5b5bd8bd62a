"""What carries an order through payment, warehouse and carrier: one interface, and both ways behind it."""
