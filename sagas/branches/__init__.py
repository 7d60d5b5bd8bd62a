"""Steps that start runs and wait for them: side by side, one for each item, or of another saga."""
