"""The tracker: detections of one camera, frame by frame, into identities.

ByteTrack's order of association (Zhang et al. 2022): sure detections find confirmed tracks, weak ones keep what is
left of them, what remains extends or starts unconfirmed tracks. Prices are likelihoods, half-hidden boxes are
completed (``occlusion``), lost tracks are expected along their habitual way (``memory``).
"""

from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from pipeline.detections import Detections, Tracks
from pipeline.errors import MessageError
from pipeline.messages import Frame, Status
from stages.track import kalman
from stages.track.association import GATE, Bools, Comparison, assign, compare, iou, without_duplicates
from stages.track.kalman import Floats
from stages.track.memory import Memory, Snapshot
from stages.track.options import TrackOptions

VERSION = 1
"""Number of the form of ``state``; raised with any change of ``Memory``."""


@dataclass(frozen=True, slots=True)
class _Sightings:
    """The detections of one frame that count (d), ready for the filter."""

    boxes: Floats
    error: Floats
    confidence: npt.NDArray[np.float32]
    class_id: npt.NDArray[np.int32]
    group: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]
    """Among all detections of the frame."""

    def __len__(self) -> int:
        return len(self.boxes)


class ByteTracker:
    """``pipeline.stage.Tracker`` for one camera. Pure: what it returns follows from its options and its input."""

    Options = TrackOptions

    def __init__(self, options: TrackOptions) -> None:
        self._options = options
        self._groups = {member: group[0] for group in options.confusable for member in group}
        self._memory = Memory.empty()
        self._started = False
        self._now_ns = 0
        self._looked_ns = 0
        self._next_id = 1

    def update(self, frame: Frame, status: Status, detections: Detections) -> Tracks:
        """Feed the next frame, whatever became of it; the confirmed tracks that are alive, by id.

        A track is observed when a detection of this very frame supports it; it is reported for ``coast_s`` more, at
        its expected place. ``detections`` count only where ``status`` is ``analysed``. Raises ``ValueError`` when
        media time does not increase.
        """
        if self._started and frame.media_ns <= self._now_ns:
            raise ValueError(f"media time must increase: {self._now_ns} ns, then {frame.media_ns} ns")
        passed_ns = frame.media_ns - self._now_ns if self._started else 0
        blind_ns = frame.media_ns - self._looked_ns if self._started else 0
        self._started, self._now_ns = True, frame.media_ns
        if status is Status.STATIC:
            self._memory.hold(passed_ns)
            self._looked_ns += passed_ns
            return self._report(frame, status)
        self._memory.advance(passed_ns * 1e-9)
        vectors = detections.embedding is not None
        if status is Status.ANALYSED:
            self._looked_ns = frame.media_ns
            self._look(self._sightings(detections), blind_ns * 1e-9)
        self._forget(frame)
        return self._report(frame, status, rows=vectors)

    def state(self) -> bytes:
        """All that is remembered; equal histories give equal bytes."""
        tracks, arrays = self._memory.pack()
        return msgspec.msgpack.encode(
            Snapshot(VERSION, self._started, self._now_ns, self._looked_ns, self._next_id, tracks, arrays)
        )

    def restore(self, state: bytes) -> None:
        """Go on from what ``state`` gave. Raises ``MessageError`` for any other bytes."""
        try:
            snapshot = msgspec.msgpack.decode(state, type=Snapshot)
        except msgspec.MsgspecError as error:
            raise MessageError(f"tracker state cannot be read: {error}") from error
        if snapshot.version != VERSION:
            raise MessageError(f"tracker state has version {snapshot.version}, this tracker reads {VERSION}")
        self._memory = Memory.unpack(snapshot.tracks, snapshot.arrays)
        self._started, self._next_id = snapshot.started, snapshot.next_id
        self._now_ns, self._looked_ns = snapshot.now_ns, snapshot.looked_ns

    def _sightings(self, detections: Detections) -> _Sightings:
        options = self._options
        row = np.flatnonzero(detections.confidence >= options.low_confidence)
        chosen = detections.select(row)
        boxes = kalman.to_centre(chosen.xyxy.astype(np.float64))
        group = np.array([self._groups.get(number, number) for number in chosen.class_id.tolist()], np.int32)
        keep = without_duplicates(boxes, chosen.confidence.astype(np.float64), group, options.duplicate_iou)
        boxes, confidence = boxes[keep], chosen.confidence[keep]
        error = kalman.variance(boxes, confidence.astype(np.float64))
        return _Sightings(boxes, error, confidence, chosen.class_id[keep], group[keep], row[keep].astype(np.int32))

    def _look(self, seen: _Sightings, blind_s: float) -> None:
        """Associate; ``blind_s`` is the time since the last analysed frame."""
        taken = np.zeros(len(seen), bool)
        if len(self._memory) and len(seen):
            taken = self._associate(seen, blind_s)
        self._confirm()
        self._begin(seen, ~taken)

    def _associate(self, seen: _Sightings, blind_s: float) -> Bools:
        """Give detections to tracks in three rounds; which detections were taken."""
        options, memory = self._options, self._memory
        unseen = memory.unseen_s(self._now_ns)
        confirmed, missed_s = memory.track_id > 0, unseen - blind_s
        lost = missed_s > options.recent_s
        pairs = compare(*memory.expect(self._now_ns, lost), seen.boxes, seen.error, *self._doubts(seen))
        sure = seen.confidence >= options.high_confidence
        match = np.full(len(memory), -1, np.intp)
        self._round(match, pairs, confirmed, sure, pairs.price, GATE)
        near = pairs.overlap >= options.weak_iou
        self._round(match, pairs, confirmed & (missed_s < options.weak_s), ~sure, 1.0 - pairs.overlap, 2.0, near)
        self._round(match, pairs, ~confirmed, np.ones(len(seen), bool), pairs.price, GATE)
        rows = np.flatnonzero(match >= 0)
        picked = match[rows]
        memory.see(
            rows,
            self._now_ns,
            pairs.boxes[rows, picked],
            seen.error[picked],
            seen.confidence[picked],
            seen.class_id[picked],
            seen.row[picked],
        )
        taken = np.zeros(len(seen), bool)
        taken[picked] = True
        return taken

    def _doubts(self, seen: _Sightings) -> tuple[Floats, Floats]:
        """Confidence of the detections (d,) and how their classes agree with the tracks' (t, d)."""
        own = self._memory.class_id
        groups = np.array([self._groups.get(number, number) for number in own.tolist()], np.int32)
        same_group = groups[:, None] == seen.group[None]
        same = own[:, None] == seen.class_id[None]
        return seen.confidence.astype(np.float64), np.where(same, 1.0, np.where(same_group, 0.0, -1.0))

    @staticmethod
    def _round(
        match: npt.NDArray[np.intp],
        pairs: Comparison,
        tracks: Bools,
        detections: Bools,
        price: Floats,
        limit: float,
        near: Bools | None = None,
    ) -> None:
        """Assign among the ``tracks`` and ``detections`` that are still free, writing into ``match``."""
        free = detections.copy()
        free[match[match >= 0]] = False
        rows, columns = (tracks & (match < 0)).nonzero()[0], free.nonzero()[0]
        if not len(rows) or not len(columns):
            return
        block = rows[:, None], columns[None]
        possible = pairs.possible[block] if near is None else pairs.possible[block] & near[block]
        chosen_rows, chosen_columns = assign(price[block], possible, limit)
        match[rows[chosen_rows]] = columns[chosen_columns]

    def _confirm(self) -> None:
        """Give ids to tracks that have earned them, in order of birth; so no id is wasted on a flicker."""
        memory, options = self._memory, self._options
        if memory.track_id.all():
            return
        earned = (memory.track_id == 0) & (memory.hits >= options.confirm_hits)
        earned &= memory.evidence >= options.confirm_evidence
        number = int(earned.sum())
        if number:
            memory.track_id[earned] = np.arange(self._next_id, self._next_id + number, dtype=np.int32)
            self._next_id += number

    def _begin(self, seen: _Sightings, free: Bools) -> None:
        """Start tracks at sure detections that no track explains."""
        memory, options = self._memory, self._options
        rows = np.flatnonzero(free & (seen.confidence >= options.new_confidence))
        if not len(rows):
            return
        present = memory.state[memory.seen_ns == self._now_ns, kalman.PLACE]
        rows = rows[(iou(seen.boxes[rows], present) < options.birth_iou).all(axis=1)]
        memory.begin(
            self._now_ns,
            seen.boxes[rows],
            seen.error[rows],
            seen.confidence[rows],
            seen.class_id[rows],
            seen.row[rows],
        )
        if options.confirm_hits == 1:
            self._confirm()

    def _forget(self, frame: Frame) -> None:
        """Drop tracks that were missed for too long, or that have left the picture."""
        memory, options = self._memory, self._options
        if (memory.seen_ns == self._now_ns).all():
            return
        missed = (self._looked_ns - memory.seen_ns) * 1e-9
        unseen = memory.unseen_s(self._now_ns)
        gone = (missed > np.where(memory.track_id > 0, options.lost_s, options.tentative_s)) | (
            unseen > options.blind_s
        )
        if frame.width and frame.height:
            middle = memory.state[:, kalman.PLACE, :2]
            gone |= (missed > 0) & ((middle < 0) | (middle > (frame.width, frame.height))).any(axis=1)
        memory.keep(~gone)

    def _report(self, frame: Frame, status: Status, *, rows: bool = False) -> Tracks:
        """``rows``: say which detections support the tracks."""
        memory = self._memory
        unseen = memory.unseen_s(self._now_ns)
        shown = np.flatnonzero((memory.track_id > 0) & (unseen <= self._options.coast_s))
        if not len(shown):
            return Tracks.empty()
        shown = shown[np.argsort(memory.track_id[shown], kind="stable")]
        lost = (self._looked_ns - memory.seen_ns) * 1e-9 > self._options.recent_s
        place, _ = memory.expect(self._now_ns, lost)
        xyxy = kalman.to_corners(place[shown])
        if frame.width and frame.height:
            np.clip(xyxy, 0.0, (frame.width, frame.height, frame.width, frame.height), out=xyxy)
        observed = (memory.seen_ns[shown] == self._now_ns) & (status is Status.ANALYSED)
        return Tracks(
            xyxy=xyxy.astype(np.float32),
            confidence=memory.confidences[shown, 0],
            class_id=memory.class_id[shown],
            track_id=memory.track_id[shown],
            observed=observed,
            vote=memory.votes()[shown],
            detection=np.where(observed, memory.detection[shown], -1).astype(np.int32) if rows else None,
        )
