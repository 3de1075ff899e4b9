"""Tokens, style sheet, icons."""
