"""Generated pictures keep the mask that they follow.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("pictures", sa.Column("mask", sa.String(), nullable=True))
    op.create_index(op.f("ix_pictures_mask"), "pictures", ["mask"], unique=False)
