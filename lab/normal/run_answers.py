"""What the classifiers of a run said of one camera, to be learned from with its log."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pipeline.build import asking
from pipeline.configuration.config import ClassifyConfig
from pipeline.configuration.kept_analysis import FILE, KeptAnalysis
from pipeline.messages import Frame
from pipeline.rehearsal.stored_answers import StoredAnswers
from pipeline.spec import RunSpec
from pipeline.stage import Alert, Asking
from pipeline.store.address import find_address
from pipeline.store.event_store import EventStore
from stages.track.options import TrackOptions


@dataclass(frozen=True, slots=True)
class RunAnswers:
    """To be told beside the records of the camera's log."""

    camera: str
    asking: Sequence[Asking]
    track: TrackOptions
    """Of the tracks that they were asked about."""
    _stored: StoredAnswers

    @classmethod
    def of(cls, out: Path, camera: str) -> Self | None:
        """Those of a run's results; None where no classifier looked at this camera, or a tracker of the user's own made
        its tracks. Raises ``UsageError`` or ``LogError`` for results that cannot be read."""
        if not (out / FILE).is_file() or not json.loads((out / FILE).read_bytes()).get("classify"):
            return None
        kept = KeptAnalysis.read(out)
        items = [item for item in kept.classify if camera in item.cameras]
        if not items or not isinstance(kept.track.options, TrackOptions):
            return None
        return cls(camera, [asking(item) for item in items], kept.track.options, _stored(out, camera, kept, items))

    def tell(self, alert: Alert, frame: Frame) -> None:
        """Have the alert stage learn what is due before this frame."""
        self._stored.tell(alert, frame)


def _stored(out: Path, camera: str, kept: KeptAnalysis, items: Sequence[ClassifyConfig]) -> StoredAnswers:
    spec = RunSpec(
        config=b"", out=str(out), run_dir="", ring_dir="", endpoint="", analysis_sha256="", cameras=list(kept.cameras)
    )
    journals = [path for item in items for path in spec.answers_paths(camera, item.name)]
    with EventStore.open(find_address(out), analysis_sha256=None) as store:
        missed = store.missed(camera)
    return StoredAnswers(camera, journals, missed, live=kept.cameras[camera])
