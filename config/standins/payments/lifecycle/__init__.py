"""The rules of a payment: authorisation, 3-D Secure, capture, cancellation, refund, dispute."""
