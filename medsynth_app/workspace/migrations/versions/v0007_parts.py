"""An edit holds many parts, and a snapshot many tiles.

What there is becomes an edit of one part each, under its own number; a snapshot stays as one large tile until the next
one replaces it.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table("parts",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("edit_id", sa.Integer(), nullable=False),
    sa.Column("kind", sa.String(), nullable=False),
    sa.Column("frame_id", sa.Integer(), nullable=True),
    sa.Column("subject", sa.String(), nullable=True),
    sa.Column("payload", sa.LargeBinary(), nullable=True),
    sa.Column("top", sa.Integer(), nullable=False),
    sa.Column("left", sa.Integer(), nullable=False),
    sa.Column("bottom", sa.Integer(), nullable=False),
    sa.Column("right", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["edit_id"], ["edits.id"], ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["frame_id"], ["frames.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id")
    )
    op.execute('INSERT INTO parts (id, edit_id, kind, frame_id, payload, top, "left", bottom, "right") '
               'SELECT id, id, kind, frame_id, delta, top, "left", bottom, "right" FROM edits')
    _anew("edits", "id, document_id, name, person, state, applied",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("document_id", sa.String(), nullable=False),
    sa.Column("name", sa.String(), nullable=False),
    sa.Column("person", sa.String(), nullable=False),
    sa.Column("state", sa.String(), nullable=False),
    sa.Column("applied", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id")
    )
    op.create_index("edits_of_person", "edits", ["document_id", "person", "state", "applied"], unique=False)
    op.create_index("edits_in_order", "edits", ["document_id", "applied"], unique=False)
    op.create_index("parts_of_frame", "parts", ["frame_id", "kind", "edit_id"], unique=False)
    op.create_index(op.f("ix_parts_edit_id"), "parts", ["edit_id"], unique=False)
    op.create_index(op.f("ix_parts_subject"), "parts", ["subject"], unique=False)
    _anew("steps", "id, edit_id, undo, at",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("edit_id", sa.Integer(), nullable=False),
    sa.Column("undo", sa.Boolean(), nullable=False),
    sa.Column("at", sa.String(), nullable=False),
    sa.ForeignKeyConstraint(["edit_id"], ["edits.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id")
    )
    op.create_index(op.f("ix_steps_edit_id"), "steps", ["edit_id"], unique=False)
    _anew("patches", "edit_id AS part_id, result_id, before, after",
    sa.Column("part_id", sa.Integer(), nullable=False),
    sa.Column("result_id", sa.String(), nullable=False),
    sa.Column("before", sa.String(), nullable=False),
    sa.Column("after", sa.String(), nullable=False),
    sa.ForeignKeyConstraint(["part_id"], ["parts.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("part_id")
    )
    op.create_index(op.f("ix_patches_after"), "patches", ["after"], unique=False)
    op.create_index(op.f("ix_patches_before"), "patches", ["before"], unique=False)
    _anew("snapshots", 'frame_id, top, "left", step_id, blob, bottom, "right"',
    sa.Column("frame_id", sa.Integer(), nullable=False),
    sa.Column("top", sa.Integer(), nullable=False),
    sa.Column("left", sa.Integer(), nullable=False),
    sa.Column("step_id", sa.Integer(), nullable=False),
    sa.Column("blob", sa.String(), nullable=False),
    sa.Column("bottom", sa.Integer(), nullable=False),
    sa.Column("right", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["frame_id"], ["frames.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("frame_id", "top", "left")
    )
    op.create_index(op.f("ix_snapshots_blob"), "snapshots", ["blob"], unique=False)


def _anew(name: str, values: str, *columns: SchemaItem) -> None:
    """Put a table of other columns, in the order of `values`, in the place of one, with its rows."""
    op.create_table(f"{name}_new", *columns)
    op.execute(f"INSERT INTO {name}_new SELECT {values} FROM {name}")
    op.drop_table(name)
    op.rename_table(f"{name}_new", name)
