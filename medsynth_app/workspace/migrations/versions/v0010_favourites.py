"""Generated pictures can be favourites.

Revision ID: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("pictures", sa.Column("favourite", sa.Boolean(), nullable=False, server_default="0"))
