"""The governor's digests on their way to a sink, in the manner of the outbox."""

import msgspec

from pipeline.messages import Event
from pipeline.store.outbox import Outbox
from pipeline.store.rows import OutboxRow

_DECODE = msgspec.json.Decoder(Event)


class DigestBox(Outbox):
    """Digests belong to no camera and to no event: they wait for one another only, and are in no record of events."""

    def pending(self, sink: str, now_ns: int, limit: int) -> list[OutboxRow]:
        """The oldest that are not settled, if the first of them may be tried now."""
        from sqlalchemy import literal, select

        columns = self._table.c
        statement = select(columns.number, columns.sink, literal(""), columns.message_id, columns.attempts)
        statement = statement.add_columns(columns.first_attempt_ns, columns.next_attempt_ns, columns.last_error)
        mine = (columns.sink == sink, columns.state == "pending")
        with self._database.reading() as connection:
            ordered = statement.add_columns(columns.body).where(*mine).order_by(columns.number)
            rows = [OutboxRow(*row) for row in connection.execute(ordered.limit(limit)).all()]
        return rows if rows and rows[0].next_attempt_ns <= now_ns else []

    def all(self, sink: str) -> list[Event]:
        """All digests of a sink, in order."""
        from sqlalchemy import select

        columns = self._table.c
        with self._database.reading() as connection:
            rows = connection.execute(select(columns.body).where(columns.sink == sink).order_by(columns.number)).all()
        return [_DECODE.decode(body) for (body,) in rows]
