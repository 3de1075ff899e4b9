"""Label: which cells are what, one by one or in groups."""
