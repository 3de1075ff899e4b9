"""How often a job was interrupted is a number; it was told by the job's message.

Revision ID: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

TOLD = {"Interrupted once; started again.": 1, "Interrupted twice; started again.": 2}


def upgrade() -> None:
    op.add_column("jobs", sa.Column("restarts", sa.Integer(), nullable=False, server_default="0"))
    jobs = sa.table("jobs", sa.column("restarts", sa.Integer()), sa.column("message", sa.String()))
    for message, restarts in TOLD.items():
        op.execute(jobs.update().where(jobs.c.message == message).values(restarts=restarts, message=""))
