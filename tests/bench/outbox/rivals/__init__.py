"""Programs of the rivals, each run by the Python of the environment that the rival is installed in.

Each knows two words: `prepare` makes its tables and writes a few events in its own way, and `relay` runs its relay in
the foreground, having printed that it is ready.
"""
