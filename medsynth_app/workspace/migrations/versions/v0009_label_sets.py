"""Cells to label, in sets with a history of their own: an edit is of a document or of a label set.

Revision ID: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table("label_sets",
    sa.Column("id", sa.String(), nullable=False),
    sa.Column("name", sa.String(), nullable=False),
    sa.Column("schema", sa.String(), nullable=False),
    sa.Column("options", sa.String(), nullable=False),
    sa.Column("created", sa.String(), nullable=False),
    sa.Column("saved", sa.String(), nullable=False),
    sa.PrimaryKeyConstraint("id")
    )
    op.create_index(op.f("ix_label_sets_saved"), "label_sets", ["saved"], unique=False)
    op.create_table("cell_batches",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("set_id", sa.String(), nullable=False),
    sa.Column("document_id", sa.String(), nullable=True),
    sa.Column("count", sa.Integer(), nullable=False),
    sa.Column("created", sa.String(), nullable=False),
    sa.ForeignKeyConstraint(["set_id"], ["label_sets.id"], ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id")
    )
    op.create_index(op.f("ix_cell_batches_set_id"), "cell_batches", ["set_id"], unique=False)
    op.create_index(op.f("ix_cell_batches_document_id"), "cell_batches", ["document_id"], unique=False)
    op.create_table("cell_arrays",
    sa.Column("batch_id", sa.Integer(), nullable=False),
    sa.Column("name", sa.String(), nullable=False),
    sa.Column("blob", sa.String(), nullable=False),
    sa.ForeignKeyConstraint(["batch_id"], ["cell_batches.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("batch_id", "name")
    )
    op.create_index(op.f("ix_cell_arrays_blob"), "cell_arrays", ["blob"], unique=False)
    # SQLite cannot make a column optional in place.
    op.create_table("edits_new",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("document_id", sa.String(), nullable=True),
    sa.Column("set_id", sa.String(), nullable=True),
    sa.Column("name", sa.String(), nullable=False),
    sa.Column("person", sa.String(), nullable=False),
    sa.Column("state", sa.String(), nullable=False),
    sa.Column("applied", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["set_id"], ["label_sets.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id")
    )
    op.execute("INSERT INTO edits_new (id, document_id, name, person, state, applied) "
               "SELECT id, document_id, name, person, state, applied FROM edits")
    op.drop_table("edits")
    op.rename_table("edits_new", "edits")
    op.create_index("edits_of_person", "edits", ["document_id", "person", "state", "applied"], unique=False)
    op.create_index("edits_in_order", "edits", ["document_id", "applied"], unique=False)
    op.create_index("edits_of_set", "edits", ["set_id", "person", "state", "applied"], unique=False)
