"""Codes put in plain words for customers."""
