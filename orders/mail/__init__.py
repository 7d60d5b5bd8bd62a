"""The letters to the customer."""
