"""Library: open, recent, workspace."""
