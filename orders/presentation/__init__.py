"""An order on its way, in the customer's words."""
