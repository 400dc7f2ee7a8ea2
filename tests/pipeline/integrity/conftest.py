"""Results with evidence in them, taken note of."""

from pathlib import Path

import pytest

from pipeline.clock import ManualClock
from pipeline.integrity.site_key import SiteKey
from pipeline.integrity.witness import Witness
from pipeline.messages import Event
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event

EVENTS = 5


def nowhere(_event: Event) -> list[str]:
    return []


def open_store(out: Path) -> EventStore:
    return EventStore.open(out / "events.db", analysis_sha256="a", clock=ManualClock(wall_ns=1_000))


@pytest.fixture
def key(tmp_path: Path) -> SiteKey:
    return SiteKey.load(tmp_path / "site" / "site.key")


@pytest.fixture
def out(tmp_path: Path, key: SiteKey) -> Path:
    """Results of five events, each with a snapshot and a clip, one with a note in place of its snapshot."""
    folder = tmp_path / "out"
    (folder / "media" / "gate").mkdir(parents=True)
    (folder / "recordings" / "gate").mkdir(parents=True)
    with open_store(folder) as store:
        events = [
            sample_event(ordinal=n, id=f"e{n}", evidence={"snapshot": f"media/{n}.jpg", "clip": f"media/gate/{n}.mp4"})
            for n in range(1, EVENTS + 1)
        ]
        store.commit("gate", events, Position(b"", 1, 1), nowhere)
        witness = Witness(folder, store, key, ManualClock(wall_ns=10**18))
        assert witness.catch_up() == EVENTS
        for n in range(1, EVENTS + 1):
            suffix = "missing" if n == 2 else "jpg"
            (folder / "media" / f"{n}.{suffix}").write_bytes(b"picture %d" % n)
            (folder / "media" / "gate" / f"{n}.mp4").write_bytes(b"clip %d" % n)
        assert witness.catch_up() == EVENTS, "a clip is whole when the note beside it is there"
        for n in range(1, EVENTS + 1):
            (folder / "media" / "gate" / f"{n}.json").write_bytes(b"{}")
        (folder / "recordings" / "gate" / "1.mp4").write_bytes(b"segment")
        assert witness.catch_up() == 2 * EVENTS + 1
        assert witness.catch_up() == 0
        witness.close()
    return folder
