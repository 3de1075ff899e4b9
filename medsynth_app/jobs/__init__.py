"""The durable queue of jobs, and the client of the worker processes that do them."""
