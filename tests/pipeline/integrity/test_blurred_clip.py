"""Clips of a package: nobody but those whom the event is about, said and signed what they were made from."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.clock import SECOND, ManualClock
from pipeline.detections import Detections, Tracks
from pipeline.integrity.blurred_clip import UNKNOWN_S, offset_of
from pipeline.integrity.chain import FILE, read_chain
from pipeline.integrity.derived import FILE as DERIVED
from pipeline.integrity.entry import Entry
from pipeline.integrity.package import pack
from pipeline.integrity.release import write_original
from pipeline.integrity.site_key import VARIABLE, SiteKey
from pipeline.integrity.witness import Witness
from pipeline.journal.log import LogWriter
from pipeline.messages import SCHEMA, EngineRecord, Frame, FrameRecord, LogHeader, Status
from pipeline.role_key import RoleKey
from pipeline.spool import Spool
from pipeline.stage import Picture, TrackedFrame
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from stages.record.filming import Film
from stages.record.options import RecordOptions
from tests.pipeline.integrity.conftest import nowhere, open_store

Box = tuple[float, float, float, float]

CLIP = "media/gate/e1.mp4"
WIDTH, HEIGHT, RATE, FRAMES = 320, 240, 10, 20
OWN: Box = (20, 60, 60, 180)
"""Of track 1, which the event is about; it moves 2 pixels to the right each frame."""
OTHER: Box = (200, 40, 250, 200)
"""Of track 2."""
EVERY = 2
"""Every second frame is analysed."""


def moved(box: Box, index: int) -> Box:
    return box[0] + 2 * index, box[1], box[2] + 2 * index, box[3]


def scene() -> Picture:
    """Squares of four pixels: what loses its detail turns grey."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH] // 4
    return np.repeat(((rows + columns) % 2 * 160 + 40).astype(np.uint8)[..., None], 3, axis=2)


def look_at(folder: Path, *, scale: float = 1.0) -> None:
    """The log and the spool of a camera whose pictures are so much larger than the clip's."""
    (folder / "logs").mkdir()
    (folder / "tracks").mkdir()
    log = LogWriter.open(folder / "logs" / "gate.log", LogHeader(SCHEMA, "gate", False, "a", "s"))
    log.append(EngineRecord("e", {}, ["person"]))
    spool = Spool(folder / "tracks" / "gate.spool", 0)
    for index in range(FRAMES):
        boxes = np.array([moved(OWN, index), OTHER], np.float32) * np.float32(scale)
        is_seen = index % EVERY == 0
        frame = Frame(
            "gate", 0, index, index * SECOND // RATE, width=round(WIDTH * scale), height=round(HEIGHT * scale)
        )
        seen = Detections(boxes, np.full(2, 0.8, np.float32), np.zeros(2, np.int32)) if is_seen else Detections.empty()
        log.append(FrameRecord(frame, Status.ANALYSED if is_seen else Status.RATE_LIMITED, seen.pack()))
        sure = np.full(2, 0.8, np.float32)
        ids = np.array([1, 2], np.int32)
        tracks = Tracks(boxes, sure, np.zeros(2, np.int32), ids, np.array([is_seen] * 2), sure)
        spool.append([TrackedFrame(index, frame.media_ns, tracks)])
    log.close()
    spool.close()


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """One event about track 1 with a clip of two seconds; nothing is in a chain yet."""
    folder = tmp_path / "results"
    (folder / "media" / "gate").mkdir(parents=True)
    film = Film(folder / CLIP, RecordOptions(quality=10))
    for index in range(FRAMES):
        film.add(scene(), index * SECOND // RATE)
    film.close()
    note = {"started": 0.0, "ended": (FRAMES - 1) / RATE, "clock": "file", "frames": FRAMES}
    (folder / CLIP).with_suffix(".json").write_text(json.dumps(note))
    look_at(folder)
    with open_store(folder) as store:
        seen = sample_event().object
        assert seen is not None
        about = msgspec.structs.replace(seen, track_id=1)
        store.commit(
            "gate", [sample_event(id="e1", object=about, evidence={"clip": CLIP})], Position(b"", 1, 1), nowhere
        )
    return folder


@pytest.fixture
def witnessed(results: Path, key: SiteKey) -> Path:
    return witness(results, key)


def witness(results: Path, key: SiteKey | None) -> Path:
    with open_store(results) as store, Witness(results, store, key, ManualClock(wall_ns=10**18)) as seeing:
        assert seeing.catch_up() == 3
    return results


def export(results: Path, *options: str) -> tuple[Path, str]:
    package = results.parent / "package"
    arguments = ["export", "e1", "--out", str(results), "-o", str(package), *options]
    done = CliRunner().invoke(app, arguments, env={VARIABLE: str(results.parent / "site" / "site.key")})
    assert done.exit_code == 0, done.output
    return package, done.output


def checked(package: Path) -> str:
    command = [sys.executable, "-I", "-S", str(package / "verify.py")]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/").stdout


def pictures(path: Path) -> Iterator[Picture]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def detail(picture: Picture, box: Box) -> float:
    left, top, right, bottom = (int(side) for side in box)
    return float(picture[top + 4 : bottom - 4, left + 4 : right - 4].std())


def rewrite(path: Path, **changed: Any) -> None:
    said = json.loads(path.read_text())
    path.write_text(json.dumps(said | changed))


def test_in_every_picture_the_object_is_sharp_and_nobody_else_is(witnessed: Path) -> None:
    package, said = export(witnessed)
    assert "not signed" not in said
    found = list(pictures(package / "e1" / "e1.blurred.mp4"))
    assert len(found) == FRAMES
    for index, picture in enumerate(found[: FRAMES - 1]):
        assert detail(picture, OTHER) < 10, index
        assert detail(picture, moved(OWN, index)) > 50, index
    assert not (package / "e1" / "e1.mp4").exists(), "the clip as it was shows everybody"
    assert 'src="e1/e1.blurred.mp4"' in (package / "index.html").read_text()
    assert checked(package).startswith("intact: 3 items")


def test_analysis_may_look_at_pictures_of_another_size(witnessed: Path) -> None:
    for name in ("logs", "tracks"):
        shutil.rmtree(witnessed / name)
    look_at(witnessed, scale=0.5)
    package, _ = export(witnessed)
    for index, picture in list(enumerate(pictures(package / "e1" / "e1.blurred.mp4")))[:-1]:
        assert detail(picture, OTHER) < 10 < 50 < detail(picture, moved(OWN, index))


def test_of_whom_nobody_looked_nothing_can_be_made_out(witnessed: Path) -> None:
    package, _ = export(witnessed)
    last = list(pictures(package / "e1" / "e1.blurred.mp4"))[-1]
    assert max(detail(last, OTHER), detail(last, moved(OWN, FRAMES - 1))) < 25, "after it no frame was analysed"
    told = "Of 1 of 20 pictures it is not known who was where"
    assert told in (package / "index.html").read_text()
    assert json.loads((package / "package.json").read_text())["clips"][0]["unknown"] == 1


@pytest.mark.parametrize("name", ["logs/gate.log", "tracks/gate.spool"])
@pytest.mark.parametrize("is_there", [True, False])
def test_without_the_log_the_whole_clip_is_unrecognisable_and_that_is_said(
    witnessed: Path, name: str, is_there: bool
) -> None:
    if is_there:
        (witnessed / name).write_bytes(b"\x05\0\0\0nonsense" * 100)
    else:
        (witnessed / name).unlink()
    package, _ = export(witnessed)
    assert max(detail(picture, OWN) for picture in pictures(package / "e1" / "e1.blurred.mp4")) < 25
    assert "Of 20 of 20 pictures it is not known who was where (" in (package / "index.html").read_text()
    assert checked(package).startswith("intact")


@pytest.mark.parametrize(
    ("note", "offset"),
    [
        ({"clock": "file"}, (0.0, 0.0)),
        ({"clock": "camera"}, (0.0, 0.1)),
        ({"clock": "arrival", "offset_s": -0.4, "offset_within_s": 0.05}, (-0.4, 0.05)),
        ({"clock": "arrival", "offset_s": None}, (0.0, UNKNOWN_S)),
        ({"clock": "camera", "offset_s": None}, (0.0, UNKNOWN_S)),
        ({"clock": "arrival"}, (0.0, UNKNOWN_S)),
        ({}, (0.0, UNKNOWN_S)),
    ],
)
def test_the_less_is_known_of_the_times_the_more_is_hidden(note: dict[str, Any], offset: tuple[float, float]) -> None:
    assert offset_of(note) == offset


def test_a_clip_that_shows_things_later_is_hidden_later(results: Path, key: SiteKey) -> None:
    """The object is drawn where it is, so nothing but the times decides what stays sharp."""
    rewrite((results / CLIP).with_suffix(".json"), clock="arrival", offset_s=0.4, offset_within_s=0.0)
    package, _ = export(witness(results, key))
    found = list(pictures(package / "e1" / "e1.blurred.mp4"))
    assert max(detail(each, OTHER) for each in found[:4]) < 25, "nobody looked at what they show"
    assert min(detail(found[index], moved(OWN, index - 4)) for index in range(4, FRAMES)) > 50


def test_a_second_one_whom_the_event_is_about_stays_sharp(results: Path, key: SiteKey) -> None:
    with open_store(results) as store:
        (stored,) = store.events("commit")
        end = msgspec.structs.replace(stored.event, message_id="m2", type="end", ordinal=2, also_about=[2])
        store.commit("gate", [end], Position(b"", 2, 2), nowhere)
        with Witness(results, store, key, ManualClock(wall_ns=10**18)) as seeing:
            seeing.catch_up()
    package, _ = export(results)
    assert min(detail(each, OTHER) for each in list(pictures(package / "e1" / "e1.blurred.mp4"))[:-1]) > 50


def test_the_clip_as_it_was_is_handed_out_with_the_originals_and_written_down_first(witnessed: Path) -> None:
    package, said = export(witnessed, "--originals")
    assert "1 originals handed out" in said
    assert (package / "e1" / "originals" / "e1.mp4").read_bytes() == (witnessed / CLIP).read_bytes()
    assert (package / "e1" / "e1.blurred.mp4").is_file()
    last = [entry for entry in read_chain(witnessed / FILE) if isinstance(entry, Entry)][-1]
    assert (last.kind, last.name) == ("release", CLIP)
    assert checked(package).startswith("intact: 4 items")


def test_with_roles_the_clip_as_it_was_takes_the_key_of_one(witnessed: Path, tmp_path: Path) -> None:
    keys = {name: tmp_path / f"{name}.identity" for name in ("investigator", "somebody")}
    roles = {name: RoleKey.make(path, name) for name, path in keys.items()}
    (witnessed / "originals").mkdir(mode=0o700)
    write_original(witnessed, "media/some.jpg", b"picture", [roles["investigator"].recipient])
    for name in ("", "somebody", "investigator"):
        package, said = export(witnessed, "--originals", *(["--role-key", str(keys[name])] if name else []))
        is_given = name == "investigator"
        assert (package / "e1" / "originals" / "e1.mp4").exists() is is_given
        assert (f"not in it: {CLIP} as it was" in said) is not is_given
        package.rename(tmp_path / f"package for {name}")


def test_the_key_of_one_events_role_does_not_get_the_clip_of_another_event(
    results: Path, key: SiteKey, tmp_path: Path
) -> None:
    keys = [RoleKey.make(tmp_path / f"{n}.identity", f"role{n}") for n in (1, 2)]
    second = "media/gate/e2.mp4"
    for suffix in (".mp4", ".json"):
        shutil.copyfile((results / CLIP).with_suffix(suffix), (results / second).with_suffix(suffix))
    (results / "originals").mkdir(mode=0o700)
    for role, clip, number in zip(keys, (CLIP, second), (1, 2), strict=True):
        write_original(results, f"media/{number}.jpg", b"picture", [role.recipient])
        (results / "media" / f"{number}.jpg").write_bytes(b"hidden")
        with open_store(results) as store:
            event = sample_event(
                id=f"e{number}",
                message_id=f"with{number}",
                ordinal=1 + number,
                evidence={"clip": clip, "snapshot": f"media/{number}.jpg"},
            )
            store.commit("gate", [event], Position(b"", 1 + number, 1 + number), nowhere)
    with open_store(results) as store, Witness(results, store, key, ManualClock(wall_ns=10**18)) as seeing:
        seeing.catch_up()
    package, said = export(results, "e2", "--originals", "--role-key", str(tmp_path / "1.identity"))
    assert sorted(path.name for path in package.glob("*/originals/*")) == ["1.jpg", "1.jpg.age", "2.jpg.age", "e1.mp4"]
    assert f"not in it: {second} as it was" in said
    noted = [(entry.kind, entry.name, entry.note.rpartition(", ")[2]) for entry in handed_out(results)]
    assert noted == [
        ("release", CLIP, f"opened with {keys[0].public}"),
        ("release", "originals/1.jpg.age", f"opened with {keys[0].public}"),
        ("release", "originals/2.jpg.age", "sealed"),
        ("refusal", second, "which does not open it"),
    ]
    assert checked(package).startswith("intact")


def test_where_no_sealed_original_is_left_the_clip_as_it_was_still_takes_the_key_of_a_role(
    results: Path, key: SiteKey, tmp_path: Path
) -> None:
    keys = {name: RoleKey.make(tmp_path / f"{name}.identity", name) for name in ("investigator", "somebody")}
    rewrite((results / CLIP).with_suffix(".json"), hide={"people": None, "roles": [keys["investigator"].public]})
    witness(results, key)
    for name in ("", "somebody", "investigator"):
        package, said = export(
            results, "--originals", *(["--role-key", str(tmp_path / f"{name}.identity")] * bool(name))
        )
        is_given = name == "investigator"
        assert (package / "e1" / "originals" / "e1.mp4").exists() is is_given
        assert (f"not in it: {CLIP} as it was" in said) is not is_given
        assert ("1 originals handed out" in said) is is_given
        package.rename(tmp_path / f"package for {name}")
    assert [entry.kind for entry in handed_out(results)] == ["refusal", "release"]


def handed_out(results: Path) -> list[Entry]:
    found = (entry for entry in read_chain(results / FILE) if isinstance(entry, Entry))
    return [entry for entry in found if entry.kind in ("release", "refusal")]


def test_a_run_that_hides_nobody_hands_its_clips_out_as_they_are(results: Path, key: SiteKey) -> None:
    rewrite((results / CLIP).with_suffix(".json"), hide={"people": [], "areas": []})
    package, _ = export(witness(results, key))
    assert (package / "e1" / "e1.mp4").read_bytes() == (results / CLIP).read_bytes()


def test_what_a_mask_hid_from_analysis_and_not_from_the_recording_is_black(results: Path, key: SiteKey) -> None:
    area = [[0.8, 0.0], [1.0, 0.0], [1.0, 0.5], [0.8, 0.5]]
    rewrite((results / CLIP).with_suffix(".json"), hide={"people": ["person"], "areas": [area]})
    package, _ = export(witness(results, key))
    assert max(int(each[8:100, 270:310].max()) for each in pictures(package / "e1" / "e1.blurred.mp4")) < 30


@pytest.mark.parametrize("is_seen", [True, False])
def test_a_run_that_hides_nobody_still_hands_out_nothing_that_a_mask_hid(
    results: Path, key: SiteKey, is_seen: bool
) -> None:
    area = [[0.8, 0.0], [1.0, 0.0], [1.0, 0.5], [0.8, 0.5]]
    rewrite((results / CLIP).with_suffix(".json"), hide={"people": [], "areas": [area]})
    if not is_seen:
        (results / "logs" / "gate.log").unlink()
    package, _ = export(witness(results, key))
    found = list(pictures(package / "e1" / "e1.blurred.mp4"))
    assert max(int(each[8:100, 270:310].max()) for each in found) < 30
    assert min(detail(each, OTHER) for each in found) > 50, "nobody is hidden, so who was where need not be known"
    assert not (package / "e1" / "e1.mp4").exists()
    assert json.loads((package / "package.json").read_text())["clips"][0]["unknown"] == 0
    page = (package / "index.html").read_text()
    assert "People are not hidden" in page
    assert "where the detector saw them" not in page
    assert checked(package).startswith("intact")


def test_a_clip_that_cannot_be_decoded_is_left_out_with_one_line(results: Path, key: SiteKey) -> None:
    (results / CLIP).write_bytes(b"no video at all")
    package, said = export(witness(results, key))
    assert said.count(f"not in it: {CLIP}: nobody could be hidden in it: ") == 1
    assert not list(package.rglob("*.mp4"))
    assert "Its clip is not in the package" in (package / "index.html").read_text()
    assert checked(package).startswith("intact")


def test_what_was_done_to_a_made_clip_is_named(witnessed: Path) -> None:
    package, _ = export(witnessed)
    clip = package / "e1" / "e1.blurred.mp4"
    data = clip.read_bytes()
    clip.write_bytes(data + b"x")
    assert "altered: e1/e1.blurred.mp4" in checked(package)
    clip.unlink()
    assert "missing: e1/e1.blurred.mp4" in checked(package)
    clip.write_bytes(data)
    statements = json.loads((package / DERIVED).read_text())
    (package / DERIVED).write_text(json.dumps([{**statements[0], "note": "Nobody is hidden."}]))
    assert "not proven: e1/e1.blurred.mp4: the site did not sign" in checked(package)
    (package / DERIVED).write_text("[]")
    assert "inserted: e1/e1.blurred.mp4 is not in the proof" in checked(package)
    (package / DERIVED).unlink()
    assert "derived.json is damaged" in checked(package)


def test_a_clip_made_from_another_one_than_the_chain_knows_is_named(witnessed: Path) -> None:
    with (witnessed / CLIP).open("ab") as file:
        file.write(b"\0" * 8)
    package, _ = export(witnessed)
    assert f"altered: {CLIP} was another file when e1/e1.blurred.mp4 was made from it" in checked(package)


def test_without_the_key_of_the_site_nobody_vouches_for_what_was_made(witnessed: Path) -> None:
    (witnessed.parent / "site" / "site.key").rename(witnessed.parent / "site" / "elsewhere")
    package, said = export(witnessed)
    assert "not signed: what the clips in it were made from" in said
    assert "not proven: e1/e1.blurred.mp4" in checked(package)
    assert not (witnessed.parent / "site" / "site.key").exists(), "no key is made for that"


def test_equal_clips_come_of_equal_results(witnessed: Path, tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        with open_store(witnessed) as store:
            pack(witnessed, store, ["e1"], tmp_path / name)
        made.append((tmp_path / name / "e1" / "e1.blurred.mp4").read_bytes())
    assert made[0] == made[1]
