"""The register of document numbers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "document_number",
        sa.Column("cell_id", sa.String(length=40), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("cell_id", "year", "kind", "number", name="pk_document_number"),
    )
    op.create_index(
        "ix_document_number_session_id", "document_number", ["session_id"], unique=False
    )
