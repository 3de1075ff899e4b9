"""The first schema.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table("documents",
    sa.Column("id", sa.String(), nullable=False),
    sa.Column("pseudonym", sa.String(), nullable=False),
    sa.Column("modality", sa.String(), nullable=True),
    sa.Column("series", sa.String(), nullable=False),
    sa.Column("colour", sa.String(), nullable=False),
    sa.Column("opened", sa.String(), nullable=False),
    sa.Column("saved", sa.String(), nullable=False),
    sa.PrimaryKeyConstraint("id")
    )
    op.create_index(op.f("ix_documents_opened"), "documents", ["opened"], unique=False)
    op.create_table("jobs",
    sa.Column("id", sa.String(), nullable=False),
    sa.Column("kind", sa.String(), nullable=False),
    sa.Column("lane", sa.String(), nullable=False),
    sa.Column("title", sa.String(), nullable=False),
    sa.Column("state", sa.String(), nullable=False),
    sa.Column("place", sa.Double(), nullable=False),
    sa.Column("created", sa.String(), nullable=False),
    sa.Column("document_id", sa.String(), nullable=False),
    sa.Column("message", sa.String(), nullable=False),
    sa.Column("person", sa.String(), nullable=False),
    sa.Column("request", sa.String(), nullable=True),
    sa.PrimaryKeyConstraint("id")
    )
    op.create_index(op.f("ix_jobs_document_id"), "jobs", ["document_id"], unique=False)
    op.create_index(op.f("ix_jobs_state"), "jobs", ["state"], unique=False)
    op.create_table("meta",
    sa.Column("key", sa.String(), nullable=False),
    sa.Column("value", sa.String(), nullable=False),
    sa.PrimaryKeyConstraint("key")
    )
    op.create_table("people",
    sa.Column("id", sa.String(), nullable=False),
    sa.Column("name", sa.String(), nullable=False),
    sa.PrimaryKeyConstraint("id"),
    sa.UniqueConstraint("name")
    )
    op.create_table("pictures",
    sa.Column("id", sa.String(), nullable=False),
    sa.Column("job_id", sa.String(), nullable=False),
    sa.Column("candidate", sa.Integer(), nullable=False),
    sa.Column("seed", sa.Integer(), nullable=False),
    sa.Column("created", sa.String(), nullable=False),
    sa.Column("provenance", sa.String(), nullable=False),
    sa.Column("pixels", sa.String(), nullable=False),
    sa.PrimaryKeyConstraint("id"),
    sa.UniqueConstraint("job_id", "candidate")
    )
    op.create_index(op.f("ix_pictures_pixels"), "pictures", ["pixels"], unique=False)
    op.create_table("sources",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("source", sa.String(), nullable=False),
    sa.PrimaryKeyConstraint("id"),
    sa.UniqueConstraint("source")
    )
    op.create_table("frames",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("document_id", sa.String(), nullable=False),
    sa.Column("source_id", sa.Integer(), nullable=False),
    sa.Column("frame", sa.Integer(), nullable=False),
    sa.Column("rows", sa.Integer(), nullable=False),
    sa.Column("columns", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["source_id"], ["sources.id"], ),
    sa.PrimaryKeyConstraint("id"),
    sa.UniqueConstraint("source_id", "frame"),
    sqlite_autoincrement=True
    )
    op.create_index(op.f("ix_frames_document_id"), "frames", ["document_id"], unique=False)
    op.create_table("job_arrays",
    sa.Column("job_id", sa.String(), nullable=False),
    sa.Column("name", sa.String(), nullable=False),
    sa.Column("blob", sa.String(), nullable=False),
    sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("job_id", "name")
    )
    op.create_index(op.f("ix_job_arrays_blob"), "job_arrays", ["blob"], unique=False)
    op.create_table("notes",
    sa.Column("document_id", sa.String(), nullable=False),
    sa.Column("key", sa.String(), nullable=False),
    sa.Column("value", sa.String(), nullable=False),
    sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("document_id", "key")
    )
    op.create_table("paths",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("document_id", sa.String(), nullable=False),
    sa.Column("path", sa.String(), nullable=False),
    sa.Column("opened", sa.String(), nullable=False),
    sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id"),
    sa.UniqueConstraint("document_id", "path")
    )
    op.create_index(op.f("ix_paths_path"), "paths", ["path"], unique=False)
    op.create_table("edits",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("document_id", sa.String(), nullable=False),
    sa.Column("frame_id", sa.Integer(), nullable=False),
    sa.Column("kind", sa.String(), nullable=False),
    sa.Column("name", sa.String(), nullable=False),
    sa.Column("person", sa.String(), nullable=False),
    sa.Column("state", sa.String(), nullable=False),
    sa.Column("applied", sa.Integer(), nullable=False),
    sa.Column("delta", sa.LargeBinary(), nullable=True),
    sa.Column("top", sa.Integer(), nullable=False),
    sa.Column("left", sa.Integer(), nullable=False),
    sa.Column("bottom", sa.Integer(), nullable=False),
    sa.Column("right", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["frame_id"], ["frames.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id")
    )
    op.create_index("edits_of_frame", "edits", ["frame_id", "kind", "applied"], unique=False)
    op.create_index("edits_of_person", "edits", ["document_id", "person", "state", "applied"], unique=False)
    op.create_table("results",
    sa.Column("id", sa.String(), nullable=False),
    sa.Column("job_id", sa.String(), nullable=False),
    sa.Column("document_id", sa.String(), nullable=False),
    sa.Column("frame_id", sa.Integer(), nullable=False),
    sa.Column("candidate", sa.Integer(), nullable=False),
    sa.Column("seed", sa.Integer(), nullable=False),
    sa.Column("state", sa.String(), nullable=False),
    sa.Column("created", sa.String(), nullable=False),
    sa.Column("seam", sa.Double(), nullable=True),
    sa.Column("provenance", sa.String(), nullable=False),
    sa.Column("notices", sa.String(), nullable=False),
    sa.Column("patch", sa.String(), nullable=False),
    sa.Column("effective", sa.String(), nullable=False),
    sa.Column("alpha", sa.String(), nullable=True),
    sa.Column("top", sa.Integer(), nullable=False),
    sa.Column("left", sa.Integer(), nullable=False),
    sa.Column("bottom", sa.Integer(), nullable=False),
    sa.Column("right", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["frame_id"], ["frames.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id"),
    sa.UniqueConstraint("job_id", "candidate")
    )
    op.create_index(op.f("ix_results_alpha"), "results", ["alpha"], unique=False)
    op.create_index(op.f("ix_results_document_id"), "results", ["document_id"], unique=False)
    op.create_index(op.f("ix_results_effective"), "results", ["effective"], unique=False)
    op.create_index(op.f("ix_results_frame_id"), "results", ["frame_id"], unique=False)
    op.create_index(op.f("ix_results_patch"), "results", ["patch"], unique=False)
    op.create_table("snapshots",
    sa.Column("frame_id", sa.Integer(), nullable=False),
    sa.Column("step_id", sa.Integer(), nullable=False),
    sa.Column("blob", sa.String(), nullable=False),
    sa.Column("top", sa.Integer(), nullable=False),
    sa.Column("left", sa.Integer(), nullable=False),
    sa.Column("bottom", sa.Integer(), nullable=False),
    sa.Column("right", sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(["frame_id"], ["frames.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("frame_id")
    )
    op.create_index(op.f("ix_snapshots_blob"), "snapshots", ["blob"], unique=False)
    op.create_table("patches",
    sa.Column("edit_id", sa.Integer(), nullable=False),
    sa.Column("result_id", sa.String(), nullable=False),
    sa.Column("before", sa.String(), nullable=False),
    sa.Column("after", sa.String(), nullable=False),
    sa.ForeignKeyConstraint(["edit_id"], ["edits.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("edit_id")
    )
    op.create_index(op.f("ix_patches_after"), "patches", ["after"], unique=False)
    op.create_index(op.f("ix_patches_before"), "patches", ["before"], unique=False)
    op.create_table("steps",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("frame_id", sa.Integer(), nullable=False),
    sa.Column("edit_id", sa.Integer(), nullable=False),
    sa.Column("undo", sa.Boolean(), nullable=False),
    sa.Column("at", sa.String(), nullable=False),
    sa.ForeignKeyConstraint(["edit_id"], ["edits.id"], ondelete="CASCADE"),
    sa.ForeignKeyConstraint(["frame_id"], ["frames.id"], ondelete="CASCADE"),
    sa.PrimaryKeyConstraint("id")
    )
    op.create_index(op.f("ix_steps_edit_id"), "steps", ["edit_id"], unique=False)
    op.create_index("steps_of_frame", "steps", ["frame_id", "id"], unique=False)
