"""The governor's log of decisions, and its digests."""

from pipeline.store.migration import say_schema
from pipeline.store.tables import number_type

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Adds the tables ``decisions`` and ``digests``."""
    import sqlalchemy as sa
    from alembic import op

    op.create_table(
        "decisions",
        sa.Column("number", number_type(), primary_key=True, autoincrement=True),
        sa.Column("sink", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, sa.ForeignKey("events.message_id"), nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("episode", sa.Text, nullable=False),
        sa.Column("digest", sa.Integer),
        sa.Column("decided_ns", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("message_id", "sink"),
        sqlite_autoincrement=True,
    )
    op.create_index("decisions_by_sink", "decisions", ["sink", "number"])
    op.create_index("decisions_by_event", "decisions", ["sink", "event_id"])
    op.create_index("decisions_by_digest", "decisions", ["sink", "digest"])
    op.create_table(
        "digests",
        sa.Column("number", number_type(), primary_key=True, autoincrement=True),
        sa.Column("message_id", sa.Text, nullable=False, unique=True),
        sa.Column("sink", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("first_attempt_ns", sa.BigInteger),
        sa.Column("next_attempt_ns", sa.BigInteger, nullable=False),
        sa.Column("settled_ns", sa.BigInteger),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.Column("made_ns", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("digests_by_state", "digests", ["sink", "state", "number"])
    say_schema(3)


def downgrade() -> None:
    """Forgets them. What the governor kept from a sink stays kept from it: those rows are no longer pending."""
    from alembic import op

    op.drop_table("digests")
    op.drop_table("decisions")
    say_schema(2)
