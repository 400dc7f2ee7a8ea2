"""Alerting on one camera: its log's records in, event messages out."""

from collections.abc import Sequence
from typing import assert_never

import msgspec
import numpy as np

from pipeline.detections import Detections, Tracks
from pipeline.errors import LogError, StoreError
from pipeline.messages import (
    Answer,
    AnswersHeader,
    ChangeRecord,
    EndRecord,
    EngineRecord,
    Event,
    Frame,
    FrameRecord,
    LogHeader,
    Missed,
    Record,
    Status,
    StreamRecord,
    Wish,
)
from pipeline.stage import Asking, Fact, TrackedFrame, Tracker
from pipeline.version import version
from stages.alert.account import Account
from stages.alert.following import Following
from stages.alert.identity import origin
from stages.alert.options import AlertOptions, nanoseconds
from stages.alert.rule import Rule, TaughtRule
from stages.alert.scene import Scene
from stages.alert.sighting import Sightings, SightingsState
from stages.alert.vocabulary import check_answers, check_classes
from stages.alert.watch import Change, End, Watch, WatchState
from stages.alert.wishing import Wishing, WishingState

_TELLING = (Status.ANALYSED, Status.STATIC)
"""What became of a frame that tells where the objects are."""


class CameraState(msgspec.Struct):
    """All that is remembered of one camera."""

    tracker: bytes
    sightings: SightingsState
    watches: list[WatchState]
    header: LogHeader | None = None
    origin: str = ""
    frame: Frame | None = None
    """The last one."""
    names: list[str] = []
    model: dict[str, str] = {}
    ordinal: int = 0
    online: bool = True
    stream_ns: int = 0
    """When it last went offline or came back."""
    wishing: WishingState = msgspec.field(default_factory=WishingState)
    followed: dict[str, bytes] = {}
    """What is in use of that which rules follow."""


class CameraAlert:
    """Tracks, rules and events of one camera."""

    def __init__(
        self,
        camera: str,
        options: AlertOptions,
        rules: Sequence[Rule],
        tracker: Tracker,
        classifiers: Sequence[Asking] = (),
        *,
        exact: bool = False,
        clips: bool = False,
    ) -> None:
        """``rules``: those that watch this camera, in the order in which their events are told. ``classifiers``: those
        that look at its crops. ``exact`` and ``clips``: as ``AlertStage``."""
        self._camera = camera
        self._options = options
        self._rules = rules
        self._asking = classifiers
        self._tracker = tracker
        self._exact = exact
        self._clips = clips
        self._reads_features = any(rule.options.needs for rule in rules)
        memory_s = [rule.options.memory_s for rule in rules]
        self._version = version()
        self._memory_ns = nanoseconds(max(memory_s, default=0.0))
        fresh = CameraState(tracker.state(), SightingsState(), [WatchState(rule.options.title) for rule in rules])
        self._take(fresh)

    def state(self) -> bytes:
        """All that is remembered; equal histories give equal bytes."""
        self._state.tracker = self._tracker.state()
        self._state.watches = [watch.state() for watch in self._watches]
        return msgspec.msgpack.encode(self._state)

    def restore(self, state: bytes) -> None:
        """Go on from what ``state`` gave. Raises ``StoreError`` if it is of other rules or unreadable."""
        try:
            kept = msgspec.msgpack.decode(state, type=CameraState)
            titles = [watch.title for watch in kept.watches]
            wanted = [rule.options.title for rule in self._rules]
            if titles != wanted:
                raise StoreError(f"the saved state of camera {self._camera} is of rules {titles}, not {wanted}")
            self._tracker.restore(kept.tracker)
            self._take(kept)
            self._following.meet(kept.model.get("sha256", ""), live=self._is_live)
        except msgspec.MsgspecError as error:
            raise StoreError(f"the saved state of camera {self._camera} cannot be read: {error}") from error

    @property
    def wishes(self) -> list[Wish]:
        """Wishes without an answer."""
        return self._wishing.open

    @property
    def classified(self) -> dict[str, dict[str, int]]:
        """What came of the wishes so far, by classifier."""
        return self._wishing.state.counts

    @property
    def candidates(self) -> list[int]:
        """Live: frames whose picture may become the best one of an event, by index."""
        if not self._is_live or not self._options.best_frames:
            return []
        views = self._sightings.views(self._now_ns)
        return sorted({view.index for view in views} | {view.index for watch in self._watches for view in watch.views})

    def learn(self, facts: Sequence[Fact]) -> None:
        """Take in what classifiers say. Raises ``UsageError`` if a rule waits for what none of them can say."""
        for fact in facts:
            match fact:
                case AnswersHeader():
                    check_answers(self._rules, fact, camera=self._camera)
                    self._wishing.learn_header(fact)
                case Answer() | Missed():
                    self._wishing.take(fact, self._sightings.known)

    def take(self, record: Record) -> tuple[list[Event], TrackedFrame | None, list[Wish]]:
        """Feed the next record of the camera's log: the events, tracks and wishes that come of it.

        Raises ``LogError`` if a frame comes before the header, ``UsageError`` if a rule names a class that the
        detector does not know, ``CannotStart`` if what a rule follows must be read and cannot be.
        """
        match record:
            case LogHeader():
                self._state.header = record
                self._state.origin = record.source_sha256
            case EngineRecord():
                self._learn(record)
            case FrameRecord():
                return self._see(record)
            case ChangeRecord():
                detector = self._state.model.get("sha256", "")
                self._following.take(record.what, record.value, detector, live=self._is_live)
            case StreamRecord():
                return self._stream(record), None, []
            case EndRecord():
                failed = record.reason.startswith("failed")
                self._wishing.end()
                return self._finish("evidence_lost" if failed else "end_of_stream", None), None, []
            case _:
                assert_never(record)
        return [], None, []

    def _take(self, state: CameraState) -> None:
        self._state = state
        self._sightings = Sightings(self._options, memory_ns=self._memory_ns, state=state.sightings)
        self._wishing = Wishing(self._asking, state.wishing)
        self._following = Following(self._camera, self._rules, state.followed, exact=self._exact)
        self._watches = [
            Watch(self._camera, rule, kept, views=self._options.best_frames)
            for rule, kept in zip(self._rules, state.watches, strict=True)
        ]
        for watch in self._watches:
            watch.learn_classes(state.names)

    def _learn(self, engine: EngineRecord) -> None:
        check_classes(self._rules, engine.names, camera=self._camera)
        for rule in self._rules:
            if isinstance(rule, TaughtRule):
                rule.meet(self._camera, engine.model.get("sha256", ""))
        self._following.meet(engine.model.get("sha256", ""), live=self._is_live)
        self._state.names, self._state.model = engine.names, engine.model
        for watch in self._watches:
            watch.learn_classes(engine.names)

    def _see(self, record: FrameRecord) -> tuple[list[Event], TrackedFrame, list[Wish]]:
        frame, state = record.frame, self._state
        if state.header is None:
            raise LogError(f"the log of camera {self._camera} has a frame before its header")
        if not state.origin:
            state.origin = origin(source_sha256="", wall_ns=frame.wall_ns, arrived_ns=frame.arrived_ns)
        detections = Detections.unpack(record.detections)
        tracks = self._tracker.update(frame, record.status, detections)
        state.frame = frame
        events: list[Event] = []
        if record.status in _TELLING:
            changes = self._judge(frame, record.status, tracks, detections)
            events = self._tell(changes, frame.media_ns, frame.wall_ns)
        wishes = self._wish(frame, tracks) if record.status is Status.ANALYSED and self._asking else []
        return events, TrackedFrame(frame.index, frame.media_ns, tracks), wishes

    def _wish(self, frame: Frame, tracks: Tracks) -> list[Wish]:
        ids = set(tracks.track_id[tracks.observed].tolist())
        known = self._sightings.known
        observed = {s: each for s, each in known.items() if each.present and each.track_id in ids}
        return self._wishing.wish(frame, observed, self._state.names)

    @property
    def is_idle(self) -> bool:
        """Nobody is remembered and nothing is under way: what frames without tracks tell changes nothing but times
        that run off, and it is the same when they are told together."""
        return (
            self._state.frame is not None
            and not self._sightings.known
            and not self._wishing.is_waiting
            and all(watch.sleeps for watch in self._watches)
        )

    def _judge(self, frame: Frame, status: Status, tracks: Tracks, detections: Detections) -> list[Change]:
        if not len(tracks) and not self._sightings.known and all(watch.sleeps for watch in self._watches):
            for watch in self._watches:
                watch.rest(frame.media_ns)
            return []
        gone = self._forget(frame)
        still = status is Status.STATIC
        wide, high = max(frame.width, 1), max(frame.height, 1)
        boxes = (tracks.xyxy / np.array([wide, high, wide, high], np.float64)).clip(0.0, 1.0)
        rows, subjects = self._sightings.see(frame, tracks, boxes, still=still, live=self._is_live)
        there = slice(None) if len(rows) == len(tracks) else rows
        embedding = tracks.embedding(detections)
        scene = Scene(
            frame,
            still,
            np.array(subjects, np.int32),
            tracks.track_id[there],
            tracks.class_id[there],
            boxes[there],
            tracks.vote[there],
            self._sightings.known,
            self._wishing.state.scene,
            msgspec.msgpack.decode(frame.features) if self._reads_features and frame.features else {},
            self._state.names,
            None if embedding is None else embedding[there],
            self._following.held,
        )
        self._wishing.forget(gone)
        changes: list[Change] = []
        for watch in self._watches:
            watch.forget(gone)
            changes += watch.look(scene)
        return changes

    def _forget(self, frame: Frame) -> list[int]:
        """Drop objects that have been away for too long, but for those whose event is open."""
        if not self._sightings.has_old(frame.media_ns):
            return []
        needed = {subject for watch in self._watches for subject in watch.subjects()}
        return self._sightings.forget(frame.media_ns, needed=needed)

    def _stream(self, record: StreamRecord) -> list[Event]:
        """The camera went offline, when what is open ends, or came back. What it is told again, it knows."""
        state = self._state
        if record.online == state.online:
            return []
        state.online, state.stream_ns = record.online, record.media_ns
        events = [] if record.online else self._finish("evidence_lost", record)
        media_ns = self._now_ns
        changes = [
            change
            for watch in self._watches
            for change in watch.stream(media_ns, record.wall_ns, online=record.online, reason=record.reason)
        ]
        return events + self._tell(changes, media_ns, record.wall_ns)

    @property
    def _is_live(self) -> bool:
        return self._state.header is not None and self._state.header.live

    @property
    def _now_ns(self) -> int:
        frame = self._state.frame
        return max(self._state.stream_ns, 0 if frame is None else frame.media_ns)

    def _finish(self, ended: End, record: StreamRecord | None) -> list[Event]:
        media_ns, frame = self._now_ns, self._state.frame
        wall_ns = record.wall_ns if record is not None else None if frame is None else frame.wall_ns
        known = self._sightings.known
        changes = [change for watch in self._watches for change in watch.finish(media_ns, ended, known)]
        for sighting in known.values():
            sighting.present = False
        return self._tell(changes, media_ns, wall_ns)

    def _tell(self, changes: list[Change], media_ns: int, wall_ns: int | None) -> list[Event]:
        state = self._state
        if not changes or state.header is None:
            return []
        frame = state.frame or Frame(self._camera, 0, -1, media_ns)
        account = Account(
            self._camera,
            analysis_sha256=state.header.analysis_sha256,
            origin=state.origin,
            version=self._version,
            clips=self._clips,
            live=self._is_live,
        )
        events = []
        for change in changes:
            state.ordinal += 1
            events.append(
                account.tell(
                    change,
                    frame=frame,
                    media_ns=media_ns,
                    wall_ns=wall_ns,
                    ordinal=state.ordinal,
                    names=state.names,
                    model=state.model,
                    sightings=self._sightings.known,
                )
            )
        return events
