"""Label: planned."""
