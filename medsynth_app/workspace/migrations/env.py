"""What Alembic runs: the connection comes from `workspace.database`."""

from __future__ import annotations

from alembic import context

from medsynth_app.workspace.tables import Base

# SQLite can roll back changes of the schema; Alembic leaves that off by default.
context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata,
                  render_as_batch=True, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
