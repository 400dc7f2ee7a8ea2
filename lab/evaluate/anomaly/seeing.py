"""What detector and tracker see of clips; on request kept, since that takes longest and does not change."""

import hashlib
import inspect
from collections.abc import Mapping
from pathlib import Path

import msgspec

from lab.evaluate.anomaly.clip import digest
from lab.evaluate.anomaly.scoring import Seen
from pipeline.errors import UsageError
from pipeline.messages import FrameRecord, Record
from pipeline.stage import Detector
from pipeline.whole_file import write_whole


def see(clips: Mapping[str, Path], detector: Detector, *, fps: float, cache: Path | None, what: str) -> dict[str, Seen]:
    """Run capture, detector and tracker over clips. ``cache``: folder in which detections are kept, by content.

    Raises ``UsageError`` or ``SourceError`` for footage that cannot be read.
    """
    from lab.dataset.progress import progress
    from lab.normal.observe import observe_records

    found = {}
    for name, path in progress(clips.items(), len(clips), what):
        log = _records(path, detector, fps=fps, cache=cache)
        frames = sum(isinstance(record, FrameRecord) for record in log)
        if not frames:
            raise UsageError(f"{path}: has no frame")
        found[name] = Seen(frames, observe_records(log))
    return found


def _records(clip: Path, detector: Detector, *, fps: float, cache: Path | None) -> list[Record]:
    from lab.normal.observe import records

    if cache is None:
        return records(clip, detector=detector, fps=fps)
    kept = cache / f"{_key(clip, detector, fps)}.log"
    if kept.is_file():
        return msgspec.msgpack.decode(kept.read_bytes(), type=list[Record])
    log = records(clip, detector=detector, fps=fps)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        write_whole(kept, [msgspec.msgpack.encode(log)], flush=False)
    except OSError as error:
        raise UsageError(f"--cache {cache}: cannot be written: {error.strerror}") from error
    return log


def _key(clip: Path, detector: Detector, fps: float) -> str:
    """Names what a clip gives: its content, who looks, and the code that measures."""
    import lab.normal.observe
    import stages.capture.flow

    code = inspect.getsource(stages.capture.flow) + inspect.getsource(lab.normal.observe)
    parts = (digest(clip), detector.engine, msgspec.json.encode(detector.model, order="sorted").decode(), fps, code)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
