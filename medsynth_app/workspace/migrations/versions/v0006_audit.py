"""The audit, and the order in which pictures are paged.

Revision ID: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table("audit",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("at", sa.String(), nullable=False),
    sa.Column("person", sa.String(), nullable=False),
    sa.Column("action", sa.String(), nullable=False),
    sa.Column("subjects", sa.String(), nullable=False),
    sa.PrimaryKeyConstraint("id")
    )
    op.create_index("pictures_in_order", "pictures", ["created", "id"], unique=False)
