"""Help for the tests of several rooms."""
