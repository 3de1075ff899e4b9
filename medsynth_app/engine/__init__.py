"""Model work. Runs inside worker processes only; nobody imports it, ``jobs`` starts it by module name."""
