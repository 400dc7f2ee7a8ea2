"""Stored tracks are given again as they were, with what the detector saw of them where it said so."""

from pathlib import Path

import numpy as np

from pipeline.detections import Detections, VectorArray
from pipeline.messages import FrameRecord
from pipeline.rehearsal.stored_tracks import StoredTracks
from pipeline.spool import read
from tests.pipeline.rehearsal.stored_run import LAWN, SCRIPT, kept_of, spec_of, store_run


def test_the_vectors_of_tracks_are_those_of_the_run(tmp_path: Path) -> None:
    kept = kept_of(LAWN, cameras={"gate": False})
    store_run(tmp_path, kept, {"gate": SCRIPT})
    spec = spec_of(tmp_path, ["gate"])
    frames = [record for record in SCRIPT.records() if isinstance(record, FrameRecord)]
    expected: list[VectorArray | None] = []
    for tracked, record in zip(read(spec.spool_path("gate")), frames, strict=True):
        expected.append(tracked.tracks.embedding(Detections.unpack(record.detections)))
    stored = StoredTracks(spec.log_path("gate"), spec.spool_path("gate"), records=len(SCRIPT.records()))
    found = []
    for given in stored.records():
        if isinstance(given, FrameRecord):
            detections = Detections.unpack(given.detections)
            found.append(stored.update(given.frame, given.status, detections).embedding(detections))
    assert sum(vectors is not None for vectors in found) > 50
    for one, other in zip(found, expected, strict=True):
        assert (one is None) == (other is None)
        assert one is None or (other is not None and np.array_equal(one, other, equal_nan=True))
