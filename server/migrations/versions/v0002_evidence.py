"""The upper committee's directory of device keys; corrected reports and their former versions."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "key_directory",
        sa.Column("peer_id", sa.String(length=40), nullable=False),
        sa.Column("session_id", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=30), nullable=False),
        sa.Column("person", sa.String(length=12), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("spki", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("peer_id", "session_id", "seq", name="pk_key_directory"),
    )
    op.create_index("ix_key_directory_key_id", "key_directory", ["key_id"], unique=False)
    op.create_table(
        "inbox_former",
        sa.Column("peer_id", sa.String(length=40), nullable=False),
        sa.Column("session_id", sa.String(length=40), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("blob", sa.Text(), server_default="", nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("receipt", sa.Text(), server_default="", nullable=False),
        sa.Column("review_note", sa.Text(), server_default="", nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("peer_id", "session_id", "sha256", name="pk_inbox_former"),
    )
    op.add_column(
        "session",
        sa.Column("corrections", sa.Integer(), server_default="0", nullable=False),
    )
