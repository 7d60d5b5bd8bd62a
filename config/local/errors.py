"""The one error that the launcher shows to people."""


class LocalStackError(Exception):
    """The local stack cannot start; the message says what to do about it."""
