"""Steps that wait: what they do at each look, and how signals and answers reach them."""
