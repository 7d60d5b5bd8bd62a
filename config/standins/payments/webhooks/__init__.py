"""Events: recorded with each change, addressed to the endpoints that want them, sent until a 2xx."""
