"""Classical segmentation: pure functions on arrays."""
