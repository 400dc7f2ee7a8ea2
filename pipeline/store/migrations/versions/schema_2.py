"""Answers of classifiers that did not count."""

from pipeline.store.migration import say_schema

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Adds the table ``missed``."""
    import sqlalchemy as sa
    from alembic import op

    op.create_table(
        "missed",
        sa.Column("camera", sa.Text, primary_key=True),
        sa.Column("index", sa.BigInteger, primary_key=True),
        sa.Column("track_id", sa.BigInteger, primary_key=True),
        sa.Column("classifier", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
    )
    say_schema(2)


def downgrade() -> None:
    """Forgets them: where the log is read again, these answers count."""
    from alembic import op

    op.drop_table("missed")
    say_schema(1)
