"""One camera's capture: everything that needs its consecutive frames, between its source and the wire.

In this order each frame gets its media time, loses what privacy masks cover, is thinned to the wanted rate, passes
the motion gate and teaches the foreground model. A recording is always read from its first frame, and equal content
gives equal frames, times, verdicts, masks and digests, which is how a restarted capture proves itself.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import crc32c
import msgspec
import numpy as np

from pipeline.clock import SECOND, Clock
from pipeline.messages import Frame, Status
from pipeline.stage import CameraTime, Captured, Picture, Plane, Source
from stages.capture.fingerprint import fingerprint
from stages.capture.foreground import ForegroundModel
from stages.capture.gate import MotionGate
from stages.capture.masks import PrivacyMasks
from stages.capture.measurement import Features, Measurement
from stages.capture.options import CameraOptions
from stages.capture.rate import RateLimit
from stages.capture.session import SessionClock, Stamp
from stages.capture.wall import WallClock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CameraCapture:
    """Fulfils ``Capture``: one camera's source, session clock, privacy masks, motion gate and foreground model.

    ``foreground`` says whether the detector wants the mask plane (``Captured.aux``, see ``foreground.mask_shape``).
    ``Frame.features`` is a MessagePack map: ``motion``, the changed share of the picture; ``light``, a change of the
    whole picture in grey levels; ``learning``, 1 while the foreground model learns a new background; ``clock_drift``,
    seconds by which the camera's own clock is off, where that is more than it may be; and under the name of each of
    ``measurements`` what it measured. What was not measured is absent.
    """

    Options = CameraOptions

    def __init__(
        self,
        options: CameraOptions,
        *,
        camera: str,
        source: Source,
        clock: Clock,
        foreground: bool = False,
        measurements: Mapping[str, Measurement] | None = None,
    ) -> None:
        self.live = source.live
        self.frames = source.frames
        self._options = options
        self._camera = camera
        self._source = source
        self._clock = clock
        self._wants_foreground = foreground
        self._measurements = measurements or {}
        self._masks = PrivacyMasks(options.masks)
        self._start_ns = _start_ns(options.start_time)
        self._source_sha256: str | None = None
        self._index: int
        self._digest: int
        self._session_clock: SessionClock
        self._wall: WallClock
        self._ahead_ns: int | None = None
        self._rate: RateLimit
        self._gate: MotionGate
        self._foreground: ForegroundModel | None
        self._size: tuple[int, ...]
        self._begin()

    @property
    def source_sha256(self) -> str:
        """Fingerprint of a recording's content, empty where live. Raises ``SourceRefused`` if it cannot be read."""
        if self._source_sha256 is None:
            self._source_sha256 = "" if self.live else fingerprint(self._options.source)
        return self._source_sha256

    @property
    def camera_clock(self) -> CameraTime:
        """How far the camera's own clock is ahead; set before the first frame, it is what an earlier process found."""
        return CameraTime(self._ahead_ns, self._wall.known_ns)

    @camera_clock.setter
    def camera_clock(self, found: CameraTime) -> None:
        self._wall.known_ns = found.known_ns

    def open(self, *, session: int, next_index: int, last_media_ns: int) -> None:
        """Open the source. A recording starts at frame 0 of session 0, whatever is asked for."""
        self._source.open()
        self.frames = self._source.frames
        if not self.live:
            self._begin()
            session, next_index, last_media_ns = 0, 0, -1
        self._index = max(next_index, self._index)
        now_ns = self._clock.monotonic_ns()
        self._session_clock.open(session=session, last_media_ns=last_media_ns, opened_ns=now_ns)
        self._reset_pictures()

    def capture(self, canvas: Picture | None) -> Captured:
        """Read and judge the next frame; masks are painted where the source left the pixels."""
        grab = self._source.read(canvas)
        arrived_ns, now_ns = self._clock.monotonic_ns(), self._clock.wall_ns()
        session = self._session_clock.session
        stamp = self._session_clock.stamp(pts_ns=grab.pts_ns, arrived_ns=arrived_ns)
        if stamp.session != session:
            self._reset_pictures()
        features: Features = {}
        wall_ns = self._wall_ns(stamp, arrived_ns, now_ns, grab.wall_ns, features)
        self._masks.paint(grab.pixels)
        skip, aux = self._judge(grab.pixels, grab.corrupt, stamp.media_ns, features)
        if not self.live:
            self._digest = _chain(self._digest, grab.pixels, skip)
        frame = Frame(
            camera=self._camera,
            session=stamp.session,
            index=self._index,
            media_ns=stamp.media_ns,
            wall_ns=wall_ns,
            arrived_ns=arrived_ns,
            width=grab.pixels.shape[1],
            height=grab.pixels.shape[0],
            key_frame=grab.key_frame,
            digest=self._digest,
            features=msgspec.msgpack.encode(features),
        )
        self._index += 1
        return Captured(frame, grab.pixels, aux, skip)

    def close(self) -> None:
        """Close the source; safe to call twice."""
        self._source.close()

    def _begin(self) -> None:
        self._index = 0
        self._digest = 0
        self._session_clock = SessionClock(live=self.live)
        self._wall = WallClock()
        self._rate = RateLimit(self._options.fps)
        self._gate = MotionGate(self._options.gate)
        self._foreground = None
        self._size = ()

    def _reset_pictures(self) -> None:
        """What is compared with the frame before starts afresh."""
        self._gate.reset()
        self._wall.reset()
        for measurement in self._measurements.values():
            measurement.reset()

    def _wall_ns(
        self, stamp: Stamp, arrived_ns: int, now_ns: int, camera_ns: int | None, features: Features
    ) -> int | None:
        if not self.live:
            return None if self._start_ns is None else self._start_ns + stamp.media_ns
        wall = self._wall.stamp(media_ns=stamp.media_ns, arrived_ns=arrived_ns, now_ns=now_ns, camera_ns=camera_ns)
        self._ahead_ns = wall.ahead_ns
        if wall.drift_ns is not None:
            features["clock_drift"] = round(wall.drift_ns / SECOND, 3)
        return wall.wall_ns

    def _judge(
        self, pixels: Picture, corrupt: bool, media_ns: int, features: Features
    ) -> tuple[Status | None, Plane | None]:
        if corrupt:
            return Status.CORRUPT, None
        if not self._rate.passes(media_ns):
            return Status.RATE_LIMITED, None
        glance = self._gate.look(pixels, media_ns)
        features["motion"] = round(glance.motion, 5)
        if glance.light:
            features["light"] = round(glance.light, 1)
        for name, measurement in self._measurements.items():
            features[name] = measurement.measure(pixels, media_ns)
        return Status.STATIC if glance.still else None, self._mask(pixels, media_ns, features)

    def _mask(self, pixels: Picture, media_ns: int, features: Features) -> Plane | None:
        if not self._wants_foreground:
            return None
        if self._foreground is None or self._size != pixels.shape:
            self._foreground, self._size = ForegroundModel(self._options.foreground), pixels.shape
        mask = self._foreground.mask(pixels, media_ns)
        if self._foreground.learning:
            features["learning"] = 1.0
        return mask


def _start_ns(start_time: datetime | None) -> int | None:
    return None if start_time is None else (start_time - _EPOCH) // timedelta(microseconds=1) * 1000


def _chain(digest: int, pixels: Picture, skip: Status | None) -> int:
    verdict = (skip or Status.ANALYSED).value.encode()
    return int(crc32c.crc32c(verdict, crc32c.crc32c(np.ascontiguousarray(pixels).data, digest)))
