"""The inspector of each place."""
