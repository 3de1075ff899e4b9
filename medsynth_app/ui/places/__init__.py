"""The six places, a folder each."""
