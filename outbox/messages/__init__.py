"""A message on its way: its envelope, its body as JSON or CloudEvent, its trace and its cause."""
