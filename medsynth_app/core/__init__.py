"""Values and pure functions over arrays. Imports nothing of the application."""
