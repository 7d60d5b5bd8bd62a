"""A card processor that speaks Stripe's PaymentIntents API closely enough for the official SDK."""
