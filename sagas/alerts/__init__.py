"""Rules with a threshold and a duration tell a person when something is wrong, once, and once when that is over."""
