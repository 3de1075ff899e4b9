"""Generated pictures name the image whose painted mask they follow, so that they go with its study.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("pictures", sa.Column("document_id", sa.String(), nullable=False, server_default=""))
    op.create_index(op.f("ix_pictures_document_id"), "pictures", ["document_id"], unique=False)
    op.execute("UPDATE pictures SET document_id = "
               "COALESCE((SELECT document_id FROM jobs WHERE jobs.id = pictures.job_id), '')")
