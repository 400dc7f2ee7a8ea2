"""A scene carries what each of its objects looks like, where the detector says so."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pipeline.messages import FrameRecord, Record
from pipeline.testing import Script, Walk
from stages.alert.options import AlertOptions, RuleOptions
from stages.alert.rule import Claim, NoMemory
from stages.alert.scene import Scene
from stages.alert.stage import AlertStage
from stages.track.options import TrackOptions
from stages.track.tracker import ByteTracker

WALKS = [
    Walk(stops=[(0, 0.1, 0.5), (10, 0.9, 0.5)], track=5),
    Walk(stops=[(2, 0.9, 0.9), (9, 0.1, 0.9)], track=8, missed=[(4.0, 4.3)]),
]
SCRIPT = Script(walks=WALKS, seconds=10, fps=10, static=[(6.0, 7.0)])
"""In it a detection's vector is the number of who it is of."""


class LookingOptions(RuleOptions):
    rule: str = "looking"


@dataclass(eq=False)
class Looking:
    Options: ClassVar[type[LookingOptions]] = LookingOptions
    Memory: ClassVar[type[NoMemory]] = NoMemory
    momentary: ClassVar[bool] = False
    options: LookingOptions = field(default_factory=LookingOptions)
    seen: list[tuple[bool, npt.NDArray[np.int32], Any]] = field(default_factory=list)

    def look(self, scene: Scene, _memory: dict[int, Any]) -> list[Claim]:
        some = scene.select(scene.subject >= 2)
        if scene.embedding is not None and some.embedding is not None:
            assert np.array_equal(some.embedding, scene.embedding[scene.subject >= 2], equal_nan=True)
        self.seen.append((scene.still, scene.track_id.copy(), scene.embedding))
        return []

    def describe(self, who: str, _claim: Claim) -> str:
        return who

    def region(self) -> dict[str, Any]:
        return {}


def scenes(records: list[Record]) -> list[tuple[bool, npt.NDArray[np.int32], Any]]:
    looking = Looking()
    AlertStage(AlertOptions(), rules=[looking], trackers=lambda _: ByteTracker(TrackOptions())).process("gate", records)
    return looking.seen


def test_each_object_has_its_own_vector_and_none_while_the_picture_does_not_change() -> None:
    whose: dict[int, set[int]] = {}
    for still, ids, vectors in scenes(SCRIPT.records()):
        assert not len(ids) or still == (vectors is None)
        for track, vector in zip(ids.tolist(), vectors if vectors is not None else [], strict=vectors is not None):
            assert np.isfinite(vector).all(), "who is in a scene that changes was observed"
            whose.setdefault(track, set()).add(int(vector[0]))
    assert {frozenset(each) for each in whose.values()} == {frozenset({5}), frozenset({8})}


def test_without_vectors_a_scene_has_none() -> None:
    records: list[Record] = [
        FrameRecord(each.frame, each.status) if isinstance(each, FrameRecord) else each for each in SCRIPT.records()
    ]
    assert {type(vectors) for _, _, vectors in scenes(records)} == {type(None)}
