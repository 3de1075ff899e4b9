"""Patients, studies and series: every document belongs to one of each.

A file that is known by its hash is a study of its own. Whose a DICOM image is stands in its file alone, so the keys
stay empty until it is opened again.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"

# What has a UID among its sources came from DICOM.
_KEY = """CASE WHEN EXISTS (SELECT 1 FROM frames JOIN sources ON sources.id = frames.source_id
          WHERE frames.document_id = documents.id AND sources.source LIKE 'uid:%') THEN NULL
          ELSE 'own:' || documents.id END"""


def upgrade() -> None:
    op.create_table("patients",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("key", sa.String(), nullable=True),
    sa.Column("pseudonym", sa.String(), nullable=False),
    sa.PrimaryKeyConstraint("id"),
    sa.UniqueConstraint("key")
    )
    op.create_index(op.f("ix_patients_pseudonym"), "patients", ["pseudonym"], unique=False)
    op.create_table("studies",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("patient_id", sa.Integer(), nullable=False),
    sa.Column("key", sa.String(), nullable=True),
    sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], ),
    sa.PrimaryKeyConstraint("id"),
    sa.UniqueConstraint("patient_id", "key")
    )
    op.create_index(op.f("ix_studies_key"), "studies", ["key"], unique=False)
    op.create_table("series",
    sa.Column("id", sa.Integer(), nullable=False),
    sa.Column("study_id", sa.Integer(), nullable=False),
    sa.Column("key", sa.String(), nullable=True),
    sa.Column("modality", sa.String(), nullable=True),
    sa.Column("text", sa.String(), nullable=False),
    sa.ForeignKeyConstraint(["study_id"], ["studies.id"], ),
    sa.PrimaryKeyConstraint("id"),
    sa.UniqueConstraint("study_id", "key")
    )
    # One of each per document, under the same number.
    op.execute(f"INSERT INTO patients (id, key, pseudonym) SELECT rowid, {_KEY}, pseudonym FROM documents")
    op.execute(f"INSERT INTO studies (id, patient_id, key) SELECT rowid, rowid, {_KEY} FROM documents")
    op.execute(f"INSERT INTO series (id, study_id, key, modality, text) "
               f"SELECT rowid, rowid, {_KEY}, modality, series FROM documents")
    # A new table, for a column that must not be empty cannot be added to one that has rows.
    op.create_table("documents_new",
    sa.Column("id", sa.String(), nullable=False),
    sa.Column("series_id", sa.Integer(), nullable=False),
    sa.Column("colour", sa.String(), nullable=False),
    sa.Column("opened", sa.String(), nullable=False),
    sa.Column("saved", sa.String(), nullable=False),
    sa.ForeignKeyConstraint(["series_id"], ["series.id"], ),
    sa.PrimaryKeyConstraint("id")
    )
    op.execute("INSERT INTO documents_new (id, series_id, colour, opened, saved) "
               "SELECT id, rowid, colour, opened, saved FROM documents")
    op.drop_table("documents")
    op.rename_table("documents_new", "documents")
    op.create_index(op.f("ix_documents_opened"), "documents", ["opened"], unique=False)
    op.create_index(op.f("ix_documents_series_id"), "documents", ["series_id"], unique=False)
