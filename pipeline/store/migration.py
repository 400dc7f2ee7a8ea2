"""Leads the tables of a store from one schema to another, by the steps in ``migrations``, in one transaction."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

STEPS = Path(__file__).parent / "migrations"


def migrate(connection: "Connection", found: int, wanted: int) -> None:
    """Lead a store of schema ``found`` (0: there is none) to ``wanted``, within the caller's transaction.

    Alembic is imported here and nowhere else: a store that is as it should be does without.
    """
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(STEPS))
    lower, upper = sorted((found, wanted))
    between = list(script.iterate_revisions(str(upper), str(lower) if lower else "base"))  # the highest first
    with Operations.context(MigrationContext.configure(connection)):
        for step in between if wanted < found else reversed(between):
            if wanted < found:
                step.module.downgrade()
            else:
                step.module.upgrade()
    _stamp(connection, wanted)


def say_schema(number: int) -> None:
    """For the steps: note which schema this is where every version of Bartizan looks."""
    import sqlalchemy as sa
    from alembic import op

    meta = sa.table("meta", sa.column("key"), sa.column("value"))
    op.execute(sa.delete(meta).where(meta.c.key == "schema"))
    op.execute(sa.insert(meta).values(key="schema", value=str(number)))


def _stamp(connection: "Connection", found: int) -> None:
    """Say where Alembic would look, too."""
    from pipeline.store.tables import store_tables

    versions = store_tables().versions
    versions.create(connection, checkfirst=True)
    connection.execute(versions.delete())
    if found:
        connection.execute(versions.insert(), {"version_num": str(found)})
