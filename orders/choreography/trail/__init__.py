"""An order's messages and what led to what, drawn for staff."""
