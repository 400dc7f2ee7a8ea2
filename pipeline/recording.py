"""Builds what records a camera from the configuration."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from pipeline.camera_clock import CameraClock
from pipeline.clock import Clock
from pipeline.configuration.config import PipelineConfig, RecordConfig
from pipeline.configuration.source_paths import local_path
from pipeline.registry import resolve
from pipeline.shared_frames import SharedFrames
from pipeline.spec import RunSpec

SHARED_STREAM = "stages.record.shared_stream:SharedStream"
LIVE_RECORDING = "stages.record.live:LiveRecording"
PACKET_SOURCE = "stages.capture.copying:PacketSource"
PRIVACY_MASKS = "stages.capture.masks:PrivacyMasks"
CUT = "stages.record.cutting:cut"
FILM = "stages.record.filming:Film"
PATIENCE_S = 5.0
"""Starting a process takes its time."""


class Recorded(Protocol):
    """A file of video that is closed."""

    path: Path
    codec: str
    started_ns: int
    ended_ns: int
    frames: int
    size: int


def build_live_recording(config: PipelineConfig, item: RecordConfig, camera: str, clock: Clock, spec: RunSpec) -> Any:
    """A live camera's recording, not yet connected."""
    options: Any = config.cameras[camera]
    segments = Path(spec.out) / "recordings" / camera
    if config.is_shared(camera):
        shared = build_shared_stream(options, item, clock, spec.frames_address(camera))
        return resolve(LIVE_RECORDING, {})(item.options, shared, paint=None, segments=segments, times=shared)
    source = options if not item.source else options.model_copy(update={"source": item.source})
    paint = resolve(PRIVACY_MASKS, {})(options.masks).paint if options.masks else None
    camera_clock = CameraClock(spec.clock_state(camera))
    packets = resolve(PACKET_SOURCE, {})(source, clock, ahead_ns=camera_clock.ahead_ns)
    return resolve(LIVE_RECORDING, {})(item.options, packets, paint=paint, segments=segments)


def build_shared_stream(options: Any, item: RecordConfig, clock: Clock, address: Path) -> Any:
    """The frames of a camera's capture as a stream. Capture gives up a source first, and says why."""
    recording: Any = item.options
    return resolve(SHARED_STREAM, {})(
        SharedFrames(address),
        clock,
        quality=recording.quality,
        open_timeout_s=options.open_timeout_s + PATIENCE_S,
        silence_s=options.read_timeout_s + PATIENCE_S,
        rate=options.fps,
    )


def copied_from(config: PipelineConfig, item: RecordConfig, camera: str) -> Path | None:
    """The file that a recorded camera's clips are cut out of; None where they must be encoded."""
    options: Any = config.cameras[camera]
    path = local_path(options.source)
    hidden = options.masks and not getattr(item.options, "unmasked", False)
    return None if hidden or path is None or Path(path).is_dir() else Path(path)


def cutter() -> Callable[..., Recorded]:
    """``cut(source, path, from_ns=, to_ns=)``, as ``stages.record.cutting`` says."""
    found: Callable[..., Recorded] = resolve(CUT, {})
    return found


def build_film(item: RecordConfig, path: Path) -> Any:
    """What encodes decoded pictures into a clip."""
    return resolve(FILM, {})(path, item.options)
