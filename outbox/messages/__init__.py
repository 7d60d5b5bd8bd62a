"""A message in transport: its envelope, its body as JSON or CloudEvent, its trace and its cause."""
