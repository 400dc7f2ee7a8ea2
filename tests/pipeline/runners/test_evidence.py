"""The evidence process's loop on a real store: nothing that lies there, or is missing there, ends it."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from pipeline.best_picture import Made
from pipeline.build import build_evidence
from pipeline.clock import ManualClock, SystemClock
from pipeline.configuration.config import PipelineConfig
from pipeline.configuration.defaults import default_config
from pipeline.control import Backlog, Drain, Line, Notice, Order, child_end, pair
from pipeline.custody import Custody
from pipeline.integrity.verification import verify
from pipeline.integrity.witness import Witness
from pipeline.messages import Event
from pipeline.runners.evidence import EvidenceLoop
from pipeline.spec import RunSpec
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from pipeline.wire.keys import Role
from pipeline.wire.links import open_dealer
from pipeline.worker import Child
from tests.e2e.running import until
from tests.full_disk import fill

CAMERA = "synthetic_320x240_20"


def snapshots(count: int) -> list[Event]:
    """As many events of a live camera whose frames are gone."""
    return [sample_event(CAMERA, n, id=f"e{n}", evidence={"snapshot": f"media/{n}.jpg"}) for n in range(1, count + 1)]


@dataclass
class Run:
    """Results of a live camera, and evidence processes that come and go."""

    out: Path
    config: PipelineConfig = field(default_factory=lambda: default_config(["synthetic:320x240@20"], live=True))

    def __post_init__(self) -> None:
        (self.out / "media").mkdir(parents=True)
        (self.out / "originals").mkdir()

    @property
    def spec(self) -> RunSpec:
        folder = str(self.out.parent)
        return RunSpec(
            config=self.config.to_spec(),
            out=str(self.out),
            run_dir=folder,
            ring_dir=folder,
            endpoint=f"ipc://{folder}/none",
            analysis_sha256="a",
            cameras=[CAMERA],
        )

    def commit(self, events: Sequence[Event]) -> None:
        with self.store() as store:
            store.commit(CAMERA, events, Position(b"", 1, 1), lambda _: [])

    def store(self) -> EventStore:
        return EventStore.open(self.out / "events.db", analysis_sha256="a", clock=ManualClock(wall_ns=1_000))

    def drained(self, ours: Line[Notice], child: Child, *, before: Callable[[EvidenceLoop], object] = id) -> None:
        """One process from its start until it is drained."""
        with self.store() as store, open_dealer(self.config.links, self.spec.endpoint, Role.FOLLOWER) as link:
            loop = EvidenceLoop(child, self.spec, self.config, link, build_evidence(self.config), store)
            loop.take_custody(Custody(Witness(self.out, store, None, child.clock, child.answer)))
            before(loop)
            ours.send(Drain())
            try:
                loop.run()
            finally:
                loop.close()


@dataclass
class Ends:
    ours: Line[Notice]
    line: Line[Order]
    child: Child


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = pair()
    line = child_end(theirs.detach())
    yield Ends(ours, line, Child(line, name="", incarnation="evidence-1", clock=SystemClock()))
    ours.close()
    line.close()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "out")


def test_a_message_that_was_altered_leaves_the_others_their_evidence_and_the_chain_its_entries(
    run: Run, ends: Ends
) -> None:
    run.commit(snapshots(3))
    engine = create_engine(f"sqlite:///{run.out / 'events.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE events SET body = substr(body, 2) WHERE number = 2"))
    engine.dispose()
    run.drained(ends.ours, ends.child)
    assert sorted(path.name for path in (run.out / "media").iterdir()) == ["1.missing", "3.missing"]
    with run.store() as store:
        found = verify(run.out, store)
    assert (found.events, found.files) == (3, 2)
    assert found.intact, found.findings


class Counting(Child):
    """Counts how often it came round to its supervisor."""

    answers = 0

    def answer(self) -> None:
        self.answers += 1
        super().answer()


def test_the_supervisor_is_answered_while_many_messages_and_a_long_chain_are_read(run: Run, ends: Ends) -> None:
    run.commit([sample_event(CAMERA, n, id=f"e{n}", evidence={}) for n in range(1, 3001)])
    child = Counting(ends.line, name="", incarnation="evidence-1", clock=SystemClock())
    run.drained(ends.ours, child)
    assert child.answers >= 6, "three times while it looks for pictures, and while it takes note of messages"
    answers: list[int] = []
    with run.store() as store, Witness(run.out, store, None, SystemClock(), lambda: answers.append(1)) as witness:
        assert len(answers) >= 6, "three times in the chain, and while it looks at what is in it"
        assert witness.catch_up() == 0


def test_a_picture_that_waits_for_room_gets_no_note_that_there_is_none(small_disk: Path, ends: Ends) -> None:
    run = Run(small_disk / "out")
    (event,) = snapshots(1)
    run.commit([event])

    def hold(loop: EvidenceLoop) -> None:
        ballast = fill(small_disk)
        loop._unwritten.write(event, Made(b"picture"))
        loop._scan()
        loop._child.draining = True
        loop._scan()
        ballast.unlink()

    run.drained(ends.ours, ends.child, before=hold)
    assert [path.name for path in (run.out / "media").iterdir()] == ["1.jpg"]


def test_on_a_full_disk_notes_and_the_chain_wait_and_are_written_as_soon_as_there_is_room(
    small_disk: Path, ends: Ends, caplog: pytest.LogCaptureFixture
) -> None:
    run = Run(small_disk / "out")
    run.commit(snapshots(3))
    ballast: list[Path] = []

    def make_room() -> None:
        seen = 0
        for _ in until(30, "all notes to wait"):
            seen += sum(isinstance(each, Backlog) and each.waiting == 3 for each in ends.ours.receive())
            if seen >= 2:
                break
        ballast[0].unlink()

    with ThreadPoolExecutor(1) as others:
        done = others.submit(make_room)
        run.drained(ends.ours, ends.child, before=lambda _: ballast.append(fill(small_disk)))
        done.result()
    assert sorted(path.name for path in (run.out / "media").iterdir()) == [f"{n}.missing" for n in (1, 2, 3)]
    with run.store() as store:
        found = verify(run.out, store)
    assert (found.events, found.files, found.findings) == (3, 3, [])
    assert sum("cannot be written" in each.message for each in caplog.records) == 2, "once of each"


def test_what_a_full_disk_has_left_unsettled_the_next_process_settles(small_disk: Path, ends: Ends) -> None:
    run = Run(small_disk / "out")
    run.commit(snapshots(3))
    ballast: list[Path] = []
    run.drained(ends.ours, ends.child, before=lambda _: ballast.append(fill(small_disk)))
    assert list((run.out / "media").iterdir()) == []
    ballast[0].unlink()
    run.drained(ends.ours, ends.child)
    assert len(list((run.out / "media").iterdir())) == 3
    with run.store() as store:
        assert verify(run.out, store).intact
