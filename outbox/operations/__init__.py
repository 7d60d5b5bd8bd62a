"""What operators do: retry, skip, requeue, pause. Each act is recorded."""
