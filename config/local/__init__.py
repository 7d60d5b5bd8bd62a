"""The local stack: real servers and every process of the shop, started by `make up` and by the tests."""
