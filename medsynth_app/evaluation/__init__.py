"""Pure metrics over arrays: how good, how varied, how much copied. Imports nothing of the application but core.

The window's side imports `catalogue` alone: the numbers are worked out in a worker process.
"""
