"""Crops come out of slots, or out of the recording decoded again, and each wish is settled once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pipeline.build import build_capture
from pipeline.clock import SECOND, ManualClock
from pipeline.configuration.config import ClassifyConfig
from pipeline.configuration.defaults import default_config
from pipeline.configuration.settings import ClassifyOptions, Settings
from pipeline.crop_desk import REMEMBERED, CropDesk, cut
from pipeline.journal.answers import AnswersReader
from pipeline.messages import Answer, Slot, Wish
from pipeline.rings import RingReader, RingWriter
from pipeline.spec import RunSpec
from pipeline.stage import Look, Picture

FRAMES, SHAPE = 12, (96, 112, 3)
CONFIG = default_config([f"synthetic:112x96@10?frames={FRAMES}&recording=yes"])
(CAMERA,) = CONFIG.cameras
ITEM = ClassifyConfig("own", "colour", (CAMERA,), ClassifyOptions(name="colour", delay_s=1.0), Settings())


@dataclass
class Mean:
    """Says how bright a crop is."""

    model: dict[str, str] = field(default_factory=lambda: {"name": "mean"})
    names: list[str] = field(default_factory=lambda: ["bright"])
    frames: int = 0
    fps: float = 0.0
    scene: bool = False
    engine: str = "none"
    margin: float = 0.0
    remembered: list[int] = field(default_factory=list)

    def lacks(self, wish: Wish) -> bool:
        return False

    def show(self, look: Look) -> None: ...

    def process(self, batch: Sequence[Look]) -> list[Answer]:
        if any(look.wish.track_id == 13 for look in batch):
            raise ValueError("too unlucky")
        found = ((look.wish, float(look.pixels.mean())) for look in batch)
        return [Answer(wish.index, wish.track_id, wish.classifier, {"bright": mean}) for wish, mean in found]

    def remember(self, answer: Answer) -> None:
        self.remembered.append(answer.index)


@pytest.fixture
def spec(tmp_path: Path) -> RunSpec:
    (tmp_path / "logs").mkdir()
    return RunSpec(
        config=b"", out=str(tmp_path), run_dir="", ring_dir="", endpoint="", analysis_sha256="a", cameras=[CAMERA]
    )


@dataclass
class Office:
    """A desk, and where its frames lie."""

    spec: RunSpec
    live: bool = False
    stage: Mean = field(default_factory=Mean)
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.ring = RingWriter.create(Path(self.spec.out), name="ring", slots=2, shape=SHAPE)
        self.rings = RingReader()
        self.desk = CropDesk(
            self.spec,
            ITEM,
            CAMERA,
            self.stage,
            number=0,
            live=self.live,
            capture=partial(build_capture, CONFIG, CAMERA, self.clock),
            clock=self.clock,
        )

    def slot(self, brightness: int, number: int = 0) -> Slot:
        self.ring.begin(number)
        self.ring.canvas(number)[:] = brightness
        return self.ring.commit(number)

    def close(self) -> None:
        self.desk.close()
        self.rings.close()
        self.ring.close()

    def answers(self) -> dict[int, Answer]:
        reader = AnswersReader(self.spec.answers_path(CAMERA, "colour", 0))
        try:
            return {each.index: each for each in reader.read() if isinstance(each, Answer)}
        finally:
            reader.close()


@pytest.fixture
def office(spec: RunSpec) -> Iterator[Office]:
    found = Office(spec)
    yield found
    found.close()


def wish(index: int, track_id: int = 1, *, arrived_ns: int = 0) -> Wish:
    return Wish(CAMERA, index, track_id, "colour", (10, 10, 40, 40), 10**9, arrived_ns)


def seen(index: int) -> Picture:
    """The frame as it is decoded from the beginning."""
    capture = build_capture(CONFIG, CAMERA, ManualClock())
    capture.open(session=0, next_index=0, last_media_ns=-1)
    try:
        for _ in range(index + 1):
            captured = capture.capture(None)
        return captured.pixels.copy()
    finally:
        capture.close()


def decoded(desk: CropDesk) -> list[Wish]:
    settled: list[Wish] = []
    for _ in range(10 * FRAMES):
        if not desk.missing:
            break
        settled += desk.decode_some()
    return settled


def test_a_crop_is_answered_from_its_slot_and_once(office: Office) -> None:
    assert office.desk.take(wish(3), office.slot(100))
    assert [each.index for each in office.desk.answer_some(office.rings)] == [3]
    assert office.answers()[3].scores == {"bright": 100.0}
    assert not office.desk.take(wish(3), office.slot(50, 1)), "it is settled"
    assert office.desk.done == 1


def test_a_frame_that_has_left_its_slot_is_decoded_again_and_gives_its_own_crop(office: Office) -> None:
    slot = office.slot(100)
    office.slot(50)  # another frame lies there now
    assert office.desk.take(wish(5), slot)
    assert office.desk.take(wish(2), None)
    assert office.desk.answer_some(office.rings) == []
    assert sorted(each.index for each in decoded(office.desk)) == [2, 5]
    said = {index: each.scores["bright"] for index, each in office.answers().items()}
    assert said == {index: float(cut(seen(index), wish(index), 0.0).mean()) for index in (2, 5)}


def test_what_the_recording_does_not_hold_is_answered_with_the_reason(office: Office) -> None:
    assert office.desk.take(wish(FRAMES + 3), None)
    assert [each.index for each in decoded(office.desk)] == [FRAMES + 3]
    assert office.answers()[FRAMES + 3].reason.startswith("not decoded again: ")


def test_a_live_camera_drops_what_is_gone_and_what_is_too_late_and_counts_both(spec: RunSpec) -> None:
    office = Office(spec, live=True, clock=ManualClock(monotonic_ns=100 * SECOND))
    assert not office.desk.take(wish(1), None)
    assert office.desk.take(wish(2, arrived_ns=98 * SECOND), office.slot(10))
    assert office.desk.take(wish(3, arrived_ns=100 * SECOND), office.slot(20, 1))
    assert sorted(each.index for each in office.desk.answer_some(office.rings)) == [2, 3]
    assert office.desk.dropped == {"slot_gone": 1, "late": 1}
    assert list(office.answers()) == [3]
    assert not office.desk.take(wish(2), office.slot(10)), "nobody needs to ask for it again"
    office.close()


def test_a_crop_that_the_model_cannot_bear_is_answered_with_the_reason_and_the_others_as_ever(office: Office) -> None:
    office.desk.take(wish(1), office.slot(10))
    office.desk.take(wish(2, track_id=13), office.slot(20, 1))
    office.desk.answer_some(office.rings)
    said = office.answers()
    assert said[1].scores == {"bright": 10.0}
    assert (said[2].scores, said[2].reason) == ({}, "ValueError: too unlucky")


def test_the_next_process_knows_what_was_answered(spec: RunSpec, office: Office) -> None:
    office.desk.take(wish(3), office.slot(100))
    office.desk.answer_some(office.rings)
    office.close()
    after = Office(spec)
    assert after.stage.remembered == [3]
    assert not after.desk.take(wish(3), after.slot(100))
    assert after.desk.take(wish(4), after.slot(100))
    after.close()


def test_only_so_many_settled_wishes_are_remembered(spec: RunSpec) -> None:
    office = Office(spec, live=True)
    for index in range(REMEMBERED + 1):
        office.desk.take(wish(index), None)
    assert office.desk.take(wish(0), office.slot(1)), "it is forgotten"
    assert not office.desk.take(wish(1), office.slot(1))
    office.close()


@pytest.mark.parametrize(
    ("box", "margin", "size"),
    [
        ((10, 10, 40, 30), 0.0, (20, 30)),
        ((10, 10, 40, 30), 0.1, (24, 36)),
        ((-50, -50, 9000, 9000), 0.0, (96, 112)),
        ((111, 95, 111, 95), 0.0, (1, 1)),
        ((500, 500, 600, 600), 0.5, (1, 1)),
    ],
)
def test_a_cut_lies_within_the_picture_and_is_never_empty(
    box: tuple[float, float, float, float], margin: float, size: tuple[int, int]
) -> None:
    picture = np.zeros(SHAPE, np.uint8)
    crop = cut(picture, Wish(CAMERA, 0, 1, "colour", box, 0), margin)
    assert crop.shape[:2] == size
    assert not np.shares_memory(crop, picture)
