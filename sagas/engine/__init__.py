"""Carries one step: claims it, calls the participant, decides what follows, and records it."""
