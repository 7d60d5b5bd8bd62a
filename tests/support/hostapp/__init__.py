"""A host project's app: events, subscribers, and a table in which their effects can be counted."""
