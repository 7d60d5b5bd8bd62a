"""Runs in words and pictures: the same for the admin, the command line and the host."""
