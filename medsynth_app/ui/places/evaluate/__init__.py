"""Evaluate: planned."""
