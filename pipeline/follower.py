"""Where the alert process is in the log of a camera, and what of that is not committed yet."""

from collections import Counter, deque

from pipeline.configuration.config import PipelineConfig
from pipeline.desk import Desk
from pipeline.journal.log import LogReader
from pipeline.messages import EndRecord, FrameRecord, Missed, Record
from pipeline.spec import RunSpec
from pipeline.spool import Spool
from pipeline.stage import Alert
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position


class Follower:
    """One camera's place in its log."""

    def __init__(self, spec: RunSpec, config: PipelineConfig, camera: str, alert: Alert, store: EventStore) -> None:
        self.camera = camera
        self.backlog: deque[tuple[Record, int]] = deque()
        """Read and not yet taken in."""
        self.reader = LogReader(spec.log_path(camera))
        position = store.position(camera)
        if position is None:
            position = Position(state=b"", log_offset=0, log_records=0)
        else:
            alert.restore(camera, position.state)
            self.reader.seek(position.log_offset)
        self.offset = position.log_offset
        self.records = position.log_records
        self.last_index = position.last_index
        self.counts = Counter(dict(position.counts))
        self.ended = position.ended
        self.spool = Spool(spec.spool_path(camera), position.spool_offset)
        self.events = 0
        self.dirty = False
        self.live = config.is_live(camera)
        self.missed: list[Missed] = []
        """Not committed yet."""
        self.told_wishes = False
        """Dispatch knows of open wishes."""
        processes = {item.name: item.workers for item in config.classify if camera in item.cameras}
        self.desk = self._open_desk(spec, processes, store) if processes else None
        self.candidates: set[int] = set()
        """Frames that evidence was asked to keep."""
        self.forgets = 0
        """Empty lists of them that evidence must hear before it forgets the last ones."""

    def _open_desk(self, spec: RunSpec, processes: dict[str, int], store: EventStore) -> Desk:
        known = store.missed(self.camera)
        return Desk(spec, self.camera, processes, live=self.live, after=self.last_index, missed=known)

    def note(self, batch: list[tuple[Record, int]]) -> None:
        """Count the records of a batch."""
        for record, _ in batch:
            match record:
                case FrameRecord(frame, status):
                    self.ended = False
                    self.last_index = frame.index
                    self.counts[status.value] += 1
                case EndRecord():
                    self.ended = True
        self.offset = batch[-1][1]
        self.records += len(batch)
        self.dirty = True

    def position(self, state: bytes) -> Position:
        """What to commit."""
        return Position(
            state=state,
            log_offset=self.offset,
            log_records=self.records,
            spool_offset=self.spool.length,
            last_index=self.last_index,
            counts=dict(self.counts),
            ended=self.ended,
        )
