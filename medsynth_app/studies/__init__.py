"""Protocols: what is drawn, what it is held against, which figures come out. No model library is imported here.

What needs one (drawing, judges, encoders) is asked of a `bench.Bench`, which a worker process brings. The window's side
imports `catalogue` alone.
"""
