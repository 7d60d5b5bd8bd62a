"""The local stack: `make up` and the tests start real servers and every process of the shop with it."""
