"""A card processor with Stripe's PaymentIntents API, close enough for the official SDK."""
