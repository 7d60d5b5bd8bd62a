"""docker-compose.yml brought up for real, on a container engine: `make compose-test`. It is no part of `make test`."""
