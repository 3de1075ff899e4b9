"""Alembic revisions, run by `workspace.database`."""
