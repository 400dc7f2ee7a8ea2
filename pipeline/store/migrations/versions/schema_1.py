"""Messages, their outbox, and how far each camera was read."""

from pipeline.store.migration import say_schema
from pipeline.store.tables import number_type

revision = "1"
down_revision = None


def upgrade() -> None:
    """From nothing."""
    import sqlalchemy as sa
    from alembic import op

    op.create_table(
        "events",
        sa.Column("number", number_type(), primary_key=True, autoincrement=True),
        sa.Column("message_id", sa.Text, nullable=False, unique=True),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("class_name", sa.Text),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("media_time", sa.Double, nullable=False),
        sa.Column("wall_time", sa.Text),
        sa.Column("committed_ns", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_event_id", "events", ["event_id"])
    op.create_index("events_by_camera", "events", ["camera", "media_time", "ordinal"])
    op.create_index("events_by_rule", "events", ["rule", "media_time"])
    op.create_index("events_by_severity", "events", ["severity", "media_time"])
    op.create_index("events_by_time", "events", ["wall_time"])
    op.create_table(
        "outbox",
        sa.Column("number", number_type(), primary_key=True, autoincrement=True),
        sa.Column("message_id", sa.Text, sa.ForeignKey("events.message_id"), nullable=False),
        sa.Column("sink", sa.Text, nullable=False),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("first_attempt_ns", sa.BigInteger),
        sa.Column("next_attempt_ns", sa.BigInteger, nullable=False),
        sa.Column("settled_ns", sa.BigInteger),
        sa.Column("last_error", sa.Text, nullable=False),
        sa.UniqueConstraint("message_id", "sink"),
        sqlite_autoincrement=True,
    )
    op.create_index("outbox_by_state", "outbox", ["sink", "state", "camera", "number"])
    op.create_table(
        "readers",
        sa.Column("camera", sa.Text, primary_key=True),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
        sa.Column("log_offset", sa.BigInteger, nullable=False),
        sa.Column("log_records", sa.BigInteger, nullable=False),
        sa.Column("spool_offset", sa.BigInteger, nullable=False),
        sa.Column("last_index", sa.BigInteger, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("ended", sa.Boolean, nullable=False),
    )
    op.create_table("meta", sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False))
    say_schema(1)


def downgrade() -> None:
    """To nothing."""
    from alembic import op

    for table in ("meta", "readers", "outbox", "events"):
        op.drop_table(table)
