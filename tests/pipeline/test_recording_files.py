"""Clips of a recording: on a full disk they are made when there is room, by the next run if need be."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from pipeline.clips import clip_name
from pipeline.clock import ManualClock, SystemClock
from pipeline.configuration.defaults import default_config
from pipeline.control import Drain, child_end, pair
from pipeline.recording_files import FileClips
from pipeline.spec import RunSpec
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from pipeline.worker import Child
from tests.e2e.running import until
from tests.full_disk import fill
from tests.servers.clips import write_clip

CAMERA = "clip"
CLIPS = [clip_name(CAMERA, f"e{n}") for n in (1, 2)]


@dataclass
class Recording:
    """Results of a recording in which two events want a clip, on a disk of their own."""

    source: Path
    disk: Path
    masked: bool

    def __post_init__(self) -> None:
        (self.disk / "media" / CAMERA).mkdir(parents=True)
        with self.store() as store:
            times = {"started": 0.5, "media_time": 1.0, "ended": "gone"}
            events = [sample_event(CAMERA, n, id=f"e{n}", evidence={"clip": CLIPS[n - 1]}, **times) for n in (1, 2)]
            store.commit(CAMERA, events, Position(b"", 1, 1), lambda _: [])

    def store(self) -> EventStore:
        return EventStore.open(self.disk / "events.db", analysis_sha256="a", clock=ManualClock(wall_ns=1_000))

    def drained(self, *, on_full_disk: bool = False) -> None:
        """A process that is drained from the beginning."""
        masks = [f"cameras.{CAMERA}.masks=[[[0,0],[0.1,0],[0.1,0.1]]]"] if self.masked else []
        config = default_config([str(self.source)], overrides=["stages.record={}", *masks])
        spec = RunSpec(
            config=config.to_spec(),
            out=str(self.disk),
            run_dir="",
            ring_dir="",
            endpoint="",
            analysis_sha256="a",
            cameras=[CAMERA],
        )
        ours, theirs = pair()
        line = child_end(theirs.detach())
        try:
            ours.send(Drain())
            with self.store() as store:
                if on_full_disk:
                    fill(self.disk)
                child = Child(line, name=CAMERA, incarnation="record[clip]-1", clock=SystemClock())
                FileClips(child, config, spec, store).run()
        finally:
            ours.close()
            line.close()

    def made(self) -> list[str]:
        """Names of what lies there."""
        there = (self.disk / "media" / CAMERA).iterdir()
        return sorted(path.name for path in there if ".new." not in path.name and ".part." not in path.name)


BOTH = ["e1.json", "e1.mp4", "e2.json", "e2.mp4"]


@pytest.fixture(params=[False, True], ids=["copied", "encoded"])
def recording(request: pytest.FixtureRequest, small_disk: Path, tmp_path: Path) -> Recording:
    return Recording(write_clip(tmp_path / "clip.mp4", frames=30), small_disk, request.param)


def test_clips_for_which_there_is_no_room_are_made_when_there_is(
    recording: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    def make_room() -> None:
        for _ in until(60, "it to say that there is no room"):
            if any("no room for its clips" in each.message for each in caplog.records):
                break
        (recording.disk / "ballast").unlink()

    with ThreadPoolExecutor(1) as others:
        done = others.submit(make_room)
        recording.drained(on_full_disk=True)
        done.result()
    assert recording.made() == BOTH


def test_clips_for_which_there_was_no_room_are_made_by_the_next_run(recording: Recording) -> None:
    recording.drained(on_full_disk=True)
    assert [name for name in recording.made() if not name.endswith(".mp4")] == []
    (recording.disk / "ballast").unlink()
    recording.drained()
    assert recording.made() == BOTH


def test_a_message_that_was_altered_leaves_the_others_their_clips(recording: Recording) -> None:
    engine = create_engine(f"sqlite:///{recording.disk / 'events.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE events SET body = substr(body, 2) WHERE number = 1"))
    engine.dispose()
    recording.drained()
    assert recording.made() == ["e2.json", "e2.mp4"]
