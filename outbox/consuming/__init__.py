"""Runs subscribers' handlers: each message once, in order, or several messages in one transaction."""
