"""Programs of the rivals, each run by the Python of the environment that the rival is installed in."""
