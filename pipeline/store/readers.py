"""How far each camera's log is taken in, in the event store, and which answers of classifiers did not count."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.errors import StoreError
from pipeline.messages import Missed
from pipeline.store.database import Database
from pipeline.store.rows import Position, position_of, reader_row
from pipeline.store.tables import Tables

if TYPE_CHECKING:
    from sqlalchemy import Connection


class Readers:
    """Reads positions, and moves them within the transaction that keeps the events."""

    def __init__(self, database: Database, tables: Tables) -> None:
        self._database = database
        self._tables = tables
        self._generations: dict[str, int] = {}

    def position(self, camera: str) -> Position | None:
        """How far the camera has come, or None before its first commit."""
        from sqlalchemy import select

        readers = self._tables.readers
        with self._database.reading() as connection:
            row = connection.execute(select(readers).where(readers.c.camera == camera)).one_or_none()
        self._generations[camera] = 0 if row is None else row.generation
        return None if row is None else position_of(row)

    def positions(self) -> dict[str, Position]:
        """How far each camera has come; does not take part in the check of ``move``."""
        from sqlalchemy import select

        readers = self._tables.readers
        with self._database.reading() as connection:
            rows = connection.execute(select(readers).order_by(readers.c.camera)).all()
        return {row.camera: position_of(row) for row in rows}

    def reached(self) -> tuple[dict[str, Position], int]:
        """``positions``, and the number of the last message committed by then, both of one moment."""
        from sqlalchemy import func, select

        readers, number = self._tables.readers, self._tables.events.c.number
        last = select(func.max(number)).scalar_subquery().label("last")  # one statement sees one state everywhere
        with self._database.reading() as connection:
            rows = connection.execute(select(readers, last).order_by(readers.c.camera)).all()
        return {row.camera: position_of(row) for row in rows}, (rows[0].last or 0) if rows else 0

    def cameras(self) -> set[str]:
        """Those of which anything was committed."""
        from sqlalchemy import select

        with self._database.reading() as connection:
            return set(connection.execute(select(self._tables.readers.c.camera)).scalars())

    def move(self, connection: "Connection", camera: str, position: Position) -> int:
        """Write the new position; gives its generation, which ``moved`` wants to hear once it is committed.

        Raises ``StoreError`` when another process has moved the camera since this one last read or wrote it.
        """
        from sqlalchemy import insert, select, update

        readers = self._tables.readers
        here = connection.execute(select(readers.c.generation).where(readers.c.camera == camera)).scalar() or 0
        if here != self._generations.get(camera, here):
            raise StoreError(
                f"event store {self._database.name}: another process goes on with camera {camera!r}; this one must stop"
            )
        values = {"generation": here + 1, **reader_row(position)}
        if here:
            connection.execute(update(readers).where(readers.c.camera == camera), values)
        else:
            connection.execute(insert(readers), {"camera": camera, **values})
        return here + 1

    def moved(self, camera: str, generation: int) -> None:
        """The move is committed."""
        self._generations[camera] = generation

    def missed(self, camera: str) -> list[Missed]:
        """Answers of classifiers that did not count, so that the same can be said when the log is read again."""
        from sqlalchemy import select

        columns = self._tables.missed.c
        statement = select(columns.index, columns.track_id, columns.classifier, columns.reason)
        order = (columns.index, columns.track_id, columns.classifier)
        with self._database.reading() as connection:
            rows = connection.execute(statement.where(columns.camera == camera).order_by(*order)).all()
        return [Missed(*row) for row in rows]

    def miss(self, connection: "Connection", camera: str, missed: Sequence[Missed]) -> None:
        """Note such answers; one that is told again replaces itself."""
        from sqlalchemy import delete, insert

        table = self._tables.missed
        for fact in missed:  # few
            names = table.c.camera == camera, table.c.index == fact.index, table.c.track_id == fact.track_id
            connection.execute(delete(table).where(*names, table.c.classifier == fact.classifier))
        rows = [{"camera": camera, **{name: getattr(fact, name) for name in fact.__struct_fields__}} for fact in missed]
        connection.execute(insert(table), rows)
