"""The feature ``appearance``: what looks like nothing that was normal is unusual, at the place and pace of anybody."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from lab.normal.keeping import keep
from pipeline.clock import SECOND
from pipeline.detections import Detections, VectorArray
from pipeline.messages import Event, FrameRecord, Record
from stages.alert.normal.appearance import Appearance
from stages.alert.normal.feature import Look, Notes
from stages.alert.normal.fitting import fit
from stages.alert.normal.looks import Looks, is_due
from stages.alert.normal.model import NormalModel
from stages.alert.normal.nearest import INDEX, Example
from stages.alert.normal.observed import Observed
from stages.alert.normal.scorer import Scorer
from stages.alert.normal.store import read
from stages.alert.options import AlertOptions
from stages.alert.rules.anomaly import Anomaly
from stages.alert.stage import AlertStage
from stages.alert.verdict import claim_of, verdict
from stages.track.options import TrackOptions
from stages.track.tracker import ByteTracker
from tests.stages.alert.normal.conftest import records, walkers

WIDE = 24
KINDS = np.random.default_rng(1).normal(0, 1, (4, WIDE))
"""Three that walk there, and one that nobody has seen."""


def looked(clip: Sequence[Observed], *, seed: int, odd: Sequence[int] = (), wide: int = WIDE) -> list[Observed]:
    """The clip with what everybody looks like; a subject is of one kind, ``odd`` ones are of the fourth."""
    random = np.random.default_rng(seed)
    found = []
    for each in clip:
        kinds = [3 if subject in odd else subject % 3 for subject in each.subject.tolist()]
        vectors: VectorArray = (KINDS[kinds] + random.normal(0, 0.15, (len(each), WIDE))).astype(np.float16)[:, :wide]
        rows = np.arange(len(each), dtype=np.int32)
        found.append(replace(each, looks=Looks(rows, vectors) if len(each) else None))
    return found


@pytest.fixture(scope="module")
def clips(normal: list[list[Observed]]) -> list[list[Observed]]:
    return [looked(clip, seed=number) for number, clip in enumerate(normal[:3])]


@pytest.fixture(scope="module")
def seeing(clips: list[list[Observed]]) -> NormalModel:
    return fit(clips, names=("person", "bicycle"))


def odd_sums(model: NormalModel, clip: Sequence[Observed], subject: int) -> tuple[float, float]:
    """The highest sums of parts of a subject and of all others, once they are known."""
    scorer, sums = Scorer(model), {True: 0.0, False: 0.0}
    for frame in clip:
        for one in scorer.score(frame).objects:
            sums[one.subject == subject] = max(sums[one.subject == subject], one.sum)
    return sums[True], sums[False]


def said(model: NormalModel, clip: Sequence[Observed]) -> npt.NDArray[np.float64]:
    """Values and p of everybody at every frame, float64 (n, 2)."""
    scorer = Scorer(model)
    return np.array([one.parts["appearance"] for frame in clip for one in scorer.score(frame).objects])


def test_who_looks_like_nobody_else_stands_out_though_he_walks_like_all(seeing: NormalModel) -> None:
    clip = walkers(77, frames=100)
    mine, others = odd_sums(seeing, looked(clip, seed=5, odd=[3]), 3)
    before, _ = odd_sums(seeing, looked(clip, seed=5), 3)
    assert mine > max(others, before) + 10


def test_the_models_word_on_it_can_be_told(seeing: NormalModel) -> None:
    feature, scorer = seeing.features["appearance"], Scorer(seeing)
    objects = [one for frame in looked(walkers(77, frames=40), seed=5, odd=[3]) for one in scorer.score(frame).objects]
    value, p = next(one for one in reversed(objects) if one.subject == 3).parts["appearance"]
    rare = feature.rare(0.01, (0, 0, 1, 1))
    assert rare is not None
    assert feature.least_p is not None
    assert value > 3 * rare
    assert p < feature.least_p


def test_nobody_is_compared_with_himself_while_it_is_learned(clips: list[list[Observed]], seeing: NormalModel) -> None:
    """Otherwise all of the normal would lie at a distance of nothing, and all that is new would be odd."""
    feature = seeing.features["appearance"]
    assert isinstance(feature, Appearance)
    assert feature.owners is None
    assert feature.clip is None
    assert said(seeing, clips[0])[:, 0].max() < 1e-3, "the clips' own looks are in the bank"
    usual = feature.rare(0.5, (0, 0, 1, 1))
    assert usual is not None
    assert usual > 0.01
    fresh = said(seeing, looked(walkers(50, frames=150), seed=50))[:, 1]
    assert np.mean(fresh < 0.05) < 0.15


def test_what_is_always_there_is_known_by_itself() -> None:
    """One thing that stands there all the time, and looks like nothing else, would else be the oddest of the normal."""
    clip = looked([_alike(each, 3) for each in walkers(4, frames=600)], seed=4, odd=[3])
    feature = fit([clip]).features["appearance"]
    rare = feature.rare(0.05, (0, 0, 1, 1))
    assert rare is not None
    assert rare < 0.1


def _alike(seen: Observed, subject: int) -> Observed:
    """One of them keeps his number for ever."""
    return replace(seen, subject=np.where(seen.subject % 5 == subject, subject, seen.subject + 5).astype(np.int32))


def test_one_wild_look_among_three_does_not_count(seeing: NormalModel) -> None:
    feature = seeing.features["appearance"]
    clip = looked(walkers(3, frames=45), seed=3)
    wild = looked(walkers(3, frames=45), seed=3, odd=[2])
    mixed = [wild[index] if 20 <= index < 30 else each for index, each in enumerate(clip)]
    notes: dict[int, Notes] = {}
    told = []
    for each in mixed:
        found = feature.look(Look(each, [notes.setdefault(who, {}) for who in each.subject.tolist()]))
        assert found is not None
        told.append(float(found.value[each.subject.tolist().index(2)]))
    rare = feature.rare(0.001, (0, 0, 1, 1))
    assert rare is not None
    assert max(told) < rare


def test_what_is_seen_once_a_second_scores_as_what_is_seen_always(seeing: NormalModel) -> None:
    whole, last = looked(walkers(8, frames=60), seed=8), dict[int, int]()
    thin = []
    for each in whole:
        assert each.looks is not None
        due = [n for n, who in enumerate(each.subject.tolist()) if is_due(last.get(who), each.media_ns)]
        last |= {int(each.subject[n]): each.media_ns for n in due}
        thin.append(replace(each, looks=each.looks.select(due)))
    one, other = Scorer(seeing), Scorer(seeing)
    assert [one.score(each).total for each in whole] == [other.score(each).total for each in thin]
    assert sum(each.looks is not None for each in thin) < len(whole) / 4


def test_who_is_not_seen_well_keeps_what_was_said_and_before_that_nothing_is(seeing: NormalModel) -> None:
    clip = looked(walkers(8, frames=30), seed=8)
    scorer = Scorer(seeing)
    assert "appearance" not in scorer.score(replace(clip[0], looks=None)).objects[0].parts
    said = scorer.score(clip[1]).objects[0].parts["appearance"]
    assert scorer.score(replace(clip[2], looks=None)).objects[0].parts["appearance"] == said


def test_vectors_of_another_width_say_nothing_and_why_is_told(seeing: NormalModel) -> None:
    feature = seeing.features["appearance"]
    assert isinstance(feature, Appearance)
    other = looked(walkers(8, frames=5), seed=8, wide=10)
    assert other[0].looks is not None
    assert feature.fault(other[0].looks) == (
        "the detector gives vectors of 10 numbers, the model of normal was learned from 24"
    )
    assert "appearance" not in Scorer(seeing).score(other[0]).objects[0].parts


def test_without_looks_or_with_too_few_the_feature_is_absent() -> None:
    assert "appearance" not in fit([walkers(1, frames=60)]).features
    assert "appearance" not in fit([looked(walkers(1, frames=30), seed=1)]).features


def test_a_stored_model_scores_to_the_bit(seeing: NormalModel) -> None:
    again = NormalModel.of(seeing.arrays(), seeing.facts())
    clip = looked(walkers(31, frames=60), seed=31, odd=[2])
    one, other = Scorer(seeing), Scorer(again)
    assert [one.score(each).total for each in clip] == [other.score(each).total for each in clip]


def test_the_order_of_clips_does_not_matter(clips: list[list[Observed]], seeing: NormalModel) -> None:
    turned = fit(clips[::-1], names=("person", "bicycle"))
    clip = looked(walkers(31, frames=40), seed=31, odd=[2])
    one, other = Scorer(seeing), Scorer(turned)
    assert [one.score(each).total for each in clip] == pytest.approx(
        [other.score(each).total for each in clip], rel=0.02
    )


def test_it_is_time_again_after_about_a_second() -> None:
    assert is_due(None, 0)
    assert not is_due(0, 0.9 * SECOND)
    assert is_due(0, 0.97 * SECOND)


# ---- as the rule anomaly has it


@pytest.fixture(scope="module")
def folder_with_looks(
    folder: Path, clips: list[list[Observed]], seeing: NormalModel, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The model of normal that has seen what people look like, with an example of each kind."""
    stored = read(folder)
    where = tmp_path_factory.mktemp("looks") / "gate"
    told = [
        Example(f"{kind}.jpg", "person", 1.0, (0.4, 0.3, 0.5, 0.6), {"speed": 20.0, "size": 0.1}, look.tobytes())
        for kind, look in enumerate(KINDS[:3].astype(np.float16))
    ]
    crops = {INDEX: msgspec.json.encode(told)}
    keep(where, "gate", seeing, stored.calibration, stored.manifest.footage, exemplars=crops)
    return where


def log_of(seen: Sequence[Observed], *, vectors: bool = True, wide: int = WIDE) -> list[Record]:
    """The log of a camera whose detector told what the model sees."""
    log: list[Record] = []
    frames = iter(seen)
    for record in records(seen):
        if isinstance(record, FrameRecord):
            looks, found = next(frames).looks, Detections.unpack(record.detections)
            assert looks is not None
            embedding = looks.vector[:, :wide] if vectors else None
            record = FrameRecord(record.frame, record.status, replace(found, embedding=embedding).pack())
        log.append(record)
    return log


def watch(folder: Path, log: list[Record], **options: Any) -> list[Event]:
    rule = Anomaly(Anomaly.Options.model_validate({"normal": folder, "threshold": 9.0, **options}))
    return (
        AlertStage(AlertOptions(), rules=[rule], trackers=lambda _: ByteTracker(TrackOptions()))
        .process("gate", log)
        .events
    )


def test_an_event_says_that_its_object_looks_odd_and_whom_it_looks_like_most(folder_with_looks: Path) -> None:
    events = watch(folder_with_looks, log_of(looked(walkers(9, frames=100), seed=2, odd=[2, 7, 12, 17])))
    event = next(each for each in events if each.type == "start")
    claim = claim_of(event)
    assert claim is not None
    first = claim["features"][0]
    assert (first["feature"], first["unit"]) == ("appearance", Appearance.unit)
    assert first["value"] > 3 * first["normal"]
    assert "appearance" in event.reason
    assert len(claim["nearest"]) == 3
    assert all(0.2 < each["appearance"] < 2 for each in claim["nearest"])
    assert verdict(event).follows
    assert watch(folder_with_looks, log_of(looked(walkers(9, frames=100), seed=2))) == []


@pytest.mark.parametrize(
    ("given", "why"),
    [({"vectors": False}, "the detector gives no vectors"), ({"wide": 7}, "vectors of 7 numbers, the model of normal")],
)
def test_a_run_without_these_vectors_is_told_once_and_the_other_features_go_on(
    folder_with_looks: Path, given: dict[str, Any], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    clip = looked(walkers(9, frames=60), seed=2)
    clip = [replace(each, motion=replace(each.flow, speed=each.flow.speed * 30)) for each in clip if each.flow]
    with caplog.at_level(logging.WARNING):
        events = watch(folder_with_looks, log_of(clip, **given))
    (line,) = [each.getMessage() for each in caplog.records if "appearance" in each.getMessage()]
    assert line.startswith("camera gate: appearance is left out: ")
    assert why in line
    assert "embedding: true" in line
    claims = [claim for event in events if event.type == "start" and (claim := claim_of(event))]
    assert claims
    assert all(each["feature"] != "appearance" for claim in claims for each in claim["features"])


def test_saved_and_restored_at_any_frame_the_events_stay_the_same(folder_with_looks: Path) -> None:
    log = log_of(looked(walkers(9, frames=60), seed=2, odd=[2, 7]))
    rule = Anomaly(Anomaly.Options.model_validate({"normal": folder_with_looks, "threshold": 9.0}))

    def stage() -> AlertStage:
        return AlertStage(AlertOptions(), rules=[rule], trackers=lambda _: ByteTracker(TrackOptions()))

    whole, current, events = stage(), stage(), list[Event]()
    expected = whole.process("gate", log).events
    assert expected
    for number, record in enumerate(log):
        events += current.process("gate", [record]).events
        if number % 7 == 0:
            kept = current.state("gate")
            current = stage()
            current.restore("gate", kept)
    assert events == expected
    assert current.state("gate") == whole.state("gate")
