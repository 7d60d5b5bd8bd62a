"""`make bench-checkout` and `make bench-pages`: the whole shop beside its build as of another commit, in turn."""
