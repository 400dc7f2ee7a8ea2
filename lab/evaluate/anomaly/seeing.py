"""What capture, detector and tracker see of clips."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from lab.evaluate.anomaly.clip import digest
from lab.evaluate.anomaly.remembering import RememberingDetector
from lab.evaluate.anomaly.scoring import Seen
from pipeline.clock import SECOND
from pipeline.errors import UsageError
from pipeline.messages import FrameRecord, Record
from pipeline.stage import Detector


def see(clips: Mapping[str, Path], detector: Detector, *, fps: float, cache: Path | None, what: str) -> dict[str, Seen]:
    """Run clips through them. ``cache``: folder in which boxes are kept, by content of the clip and detector.

    Raises ``UsageError`` or ``SourceError`` for footage that cannot be read.
    """
    from lab.dataset.progress import progress
    from lab.normal.observe import observe_records

    found = {}
    for name, path in progress(clips.items(), len(clips), what):
        log = _records(path, detector, fps=fps, cache=cache)
        times = [record.frame.media_ns for record in log if isinstance(record, FrameRecord)]
        if not times:
            raise UsageError(f"{path}: has no frame")
        rate = (len(times) - 1) * SECOND / (times[-1] - times[0]) if len(times) > 1 else fps
        found[name] = Seen(len(times), observe_records(log), rate)
    return found


def _records(clip: Path, detector: Detector, *, fps: float, cache: Path | None) -> list[Record]:
    from lab.normal.observe import records

    if cache is None:
        return records(clip, detector=detector, fps=fps)
    model = msgspec.json.encode(detector.model, order="sorted").decode()
    key = hashlib.sha256(repr((digest(clip), detector.engine, model)).encode()).hexdigest()[:32]
    with RememberingDetector(detector, cache / f"{key}.boxes") as remembering:
        return records(clip, detector=remembering, fps=fps)
