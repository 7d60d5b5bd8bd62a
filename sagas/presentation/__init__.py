"""Runs, participants and declarations in words and pictures, for the admin, the command line and the host."""
