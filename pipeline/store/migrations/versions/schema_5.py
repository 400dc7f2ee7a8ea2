"""Kinds of events, so that filters which fit few events together, or none, are answered at once; and an index of those
that are protected."""

from pipeline.store.migration import say_schema
from pipeline.store.tables import number_type

revision = "5"
down_revision = "4"
_FILTERED = ("camera", "rule", "name", "severity", "class_name")
_TOLD = (*_FILTERED, "region")


def upgrade() -> None:
    """Adds the table ``kinds``, filled from the events, which say theirs instead of being in five indexes."""
    import sqlalchemy as sa
    from alembic import op

    op.create_table(
        "kinds",
        sa.Column("number", number_type(), primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in _TOLD),
        sa.UniqueConstraint(*_TOLD),
        sqlite_autoincrement=True,
    )
    for name in _FILTERED:
        op.drop_index(f"alarms_by_{name}", "alarms")
    op.drop_index("alarms_by_time", "alarms")
    op.add_column("alarms", sa.Column("kind", sa.BigInteger, nullable=False, server_default=sa.text("0")))
    kinds, alarms = (sa.table(name, *map(sa.column, ("number", "kind", *_TOLD))) for name in ("kinds", "alarms"))
    told = [sa.func.coalesce(alarms.c[name], "") if name == "class_name" else alarms.c[name] for name in _TOLD]
    distinct = sa.select(*told).distinct().order_by(*told)
    op.execute(sa.insert(kinds).from_select(list(_TOLD), distinct))
    same = (kinds.c[name] == value for name, value in zip(_TOLD, told, strict=True))
    op.execute(sa.update(alarms).values(kind=sa.select(kinds.c.number).where(*same).scalar_subquery()))
    op.create_index("alarms_by_time", "alarms", ["started_ns", "number", "kind"])
    op.create_index("alarms_by_kind", "alarms", ["kind", "started_ns", "number"])
    kept = {"sqlite": sa.text("protected = 1"), "postgresql": sa.text("protected")}
    columns = ["started_ns", "number"]
    op.create_index(
        "alarms_protected", "alarms", columns, sqlite_where=kept["sqlite"], postgresql_where=kept["postgresql"]
    )
    say_schema(5)


def downgrade() -> None:
    """Forgets nothing: what makes a kind is in each event, too."""
    from alembic import op

    op.drop_index("alarms_protected", "alarms", if_exists=True)
    op.drop_index("alarms_by_kind", "alarms")
    op.drop_index("alarms_by_time", "alarms")
    op.drop_column("alarms", "kind")
    op.create_index("alarms_by_time", "alarms", ["started_ns", "number"])
    for name in _FILTERED:
        op.create_index(f"alarms_by_{name}", "alarms", [name, "started_ns", "number"])
    op.drop_table("kinds")
    say_schema(4)
