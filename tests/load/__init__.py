"""`make load`: more orders a second than the machine can carry; whether each is accepted at the first try, and when."""
