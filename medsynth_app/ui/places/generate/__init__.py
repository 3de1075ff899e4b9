"""Generate: whole pictures."""
