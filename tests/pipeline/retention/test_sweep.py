"""A sweep deletes what is to go and says so, whatever kills it on the way."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.clock import SECOND, ManualClock
from pipeline.configuration.retention import RetentionOptions
from pipeline.integrity.chain import read_chain
from pipeline.integrity.entry import Entry
from pipeline.integrity.release import write_original
from pipeline.integrity.site_key import SiteKey
from pipeline.integrity.verification import Verified, verify
from pipeline.integrity.witness import Witness
from pipeline.retention import sweep as sweeping
from pipeline.retention.plan import DAY
from pipeline.retention.sweep import EVERY_NS, Sweep
from pipeline.role_key import RoleKey
from pipeline.store.event_store import EventStore
from pipeline.store.rows import Position
from pipeline.store.sample_event import sample_event
from tests.full_disk import fill
from tests.pipeline.integrity.conftest import EVENTS, nowhere, open_store

TAKEN_NS = 10**18
"""When the evidence of ``out`` was taken note of."""
SMALL = RetentionOptions(most_gb=1e-9)
"""A byte."""
OLD = RetentionOptions(events_days=30, recordings_days=3)
"""All of it, after so many days."""


def swept(
    out: Path, key: SiteKey, options: RetentionOptions, *, days: float = 1.0, store: EventStore | None = None
) -> int:
    """How many files go in a look so many days after the evidence came."""
    if store is None:
        with open_store(out) as opened:
            return swept(out, key, options, days=days, store=opened)
    clock = ManualClock(wall_ns=TAKEN_NS + round(days * DAY))
    with Witness(out, store, key, clock) as witness:
        witness.catch_up()
        return Sweep(out, options, witness, store, clock).look()


def verified(out: Path) -> Verified:
    with open_store(out) as store:
        return verify(out, store)


def end(out: Path, *, but: int = 0, to: list[str] | None = None) -> None:
    """The events are over, but for one; their ends go ``to`` these sinks."""
    with open_store(out) as store:
        ends = [
            sample_event(ordinal=10 + n, id=f"e{n}", type="end", ended="left", media_time=20.0)
            for n in range(1, EVENTS + 1)
            if n != but
        ]
        assert store.position("gate") is not None
        store.commit("gate", ends, Position(b"", 2, 2), lambda _: to or [])


def here(out: Path) -> set[str]:
    found = (path for folder in ("media", "recordings", "originals") for path in (out / folder).rglob("*"))
    return {path.relative_to(out).as_posix() for path in found if path.is_file() and path.suffix != ".json"}


def test_what_is_too_old_goes_and_the_chain_says_so(out: Path, key: SiteKey) -> None:
    end(out)
    options = RetentionOptions(events_days=30, recordings_days=3)
    assert swept(out, key, options, days=2) == 0
    assert swept(out, key, options, days=4) == 1
    assert "recordings/gate/1.mp4" not in here(out)
    assert swept(out, key, options, days=31) == 9
    assert here(out) == {"media/2.missing"}
    found = verified(out)
    assert found.intact, found.findings
    assert found.deleted == 10
    assert {each.why for each in found.tombstones} == {
        "older than 3 days (recordings_days)",
        "older than 30 days (events_days)",
    }
    assert found.left == []


def test_what_belongs_to_an_event_that_is_open_protected_or_not_delivered_stays(out: Path, key: SiteKey) -> None:
    end(out, but=3)
    with open_store(out) as store:
        store.catalogue.protect("e4", protected=True)
    swept(out, key, SMALL)
    kept = {"media/3.jpg", "media/gate/3.mp4", "media/4.jpg", "media/gate/4.mp4"}
    assert here(out) == {*kept, "media/2.missing", "recordings/gate/1.mp4"}, "the last was recorded at their time"
    assert verified(out).intact


def test_a_sealed_original_stays_as_long_as_its_event_is_open(out: Path, key: SiteKey) -> None:
    (out / "originals").mkdir()
    events = [sample_event(ordinal=n, id=f"e{n}", evidence={"snapshot": f"media/{n}.jpg"}) for n in (6, 7)]
    events.append(sample_event(ordinal=8, id="e6", type="end", ended="left", media_time=20.0))
    for n in (6, 7):
        write_original(out, f"media/{n}.jpg", b"as it was", [RoleKey.of(bytes(range(32))).recipient])
        (out / "media" / f"{n}.jpg").write_bytes(b"picture")
    with open_store(out) as store:
        store.commit("gate", events, Position(b"", 2, 2), nowhere)
        with Witness(out, store, key, ManualClock(wall_ns=TAKEN_NS)) as witness:
            witness.catch_up()
    swept(out, key, SMALL)
    assert [path.name for path in (out / "originals").iterdir()] == ["7.jpg.age"]
    assert verified(out).intact


def test_evidence_waits_for_every_sink(out: Path, key: SiteKey) -> None:
    end(out, to=["webhook"])
    assert swept(out, key, SMALL) == 1, "what was recorded all the time needs no sink"
    with open_store(out) as store:
        for row in store.pending("webhook", 2**62):
            store.delivered(row)
    assert swept(out, key, SMALL) == 9


def test_the_recording_of_an_open_events_time_stays(out: Path, key: SiteKey) -> None:
    with open_store(out) as store:
        started = store.catalogue.find("e1")[0].started_ns
    near, far = started + 5 * SECOND, started + 9000 * SECOND
    clock = ManualClock(wall_ns=far)
    folder = out / "recordings" / "gate"
    with open_store(out) as store, Witness(out, store, key, clock) as witness:
        for began in (near, far):
            (folder / f"{began}.mp4").write_bytes(b"segment")
        witness.catch_up()
        clock.advance(DAY)
        Sweep(out, SMALL.model_copy(update={"recordings_days": 0.01}), witness, store, clock).look()
    assert (folder / f"{near}.mp4").exists()
    assert not (folder / f"{far}.mp4").exists()


def test_nothing_goes_without_a_limit_or_within_the_grace(out: Path, key: SiteKey) -> None:
    end(out)
    assert swept(out, key, RetentionOptions(), days=3000) == 0
    assert swept(out, key, SMALL, days=0.001) == 0
    assert swept(out, key, SMALL, days=0.01) == 10


def test_a_disk_that_is_nearly_full_is_emptied_of_what_may_go(out: Path, key: SiteKey) -> None:
    end(out, but=3)
    assert swept(out, key, RetentionOptions(free_gb=1e-9)) == 0
    assert swept(out, key, RetentionOptions(free_gb=1e6)) == 7
    assert {path for path in here(out) if "3" in path} == {"media/3.jpg", "media/gate/3.mp4"}
    assert {each.why for each in verified(out).tombstones} == {"less than 1e+06 GB of the disk were free (free_gb)"}


def test_no_more_than_a_few_go_at_a_time(out: Path, key: SiteKey, monkeypatch: pytest.MonkeyPatch) -> None:
    end(out)
    monkeypatch.setattr(sweeping, "MOST", 3)
    assert [swept(out, key, SMALL) for _ in range(5)] == [3, 3, 3, 1, 0]
    assert verified(out).intact


def test_an_event_that_is_protected_after_the_plan_was_made_keeps_its_evidence(
    out: Path, key: SiteKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    end(out)
    monkeypatch.setattr(sweeping, "MOST", 3)
    clock = ManualClock(wall_ns=TAKEN_NS + DAY)
    with open_store(out) as store, Witness(out, store, key, clock) as witness:
        witness.catch_up()
        sweep = Sweep(out, SMALL, witness, store, clock)
        assert sweep.look() == 3
        store.catalogue.protect("e5", protected=True)
        assert sum(sweep.look() for _ in range(5)) == 5
    assert here(out) == {"media/5.jpg", "media/gate/5.mp4", "media/2.missing"}
    assert verified(out).intact


def test_what_comes_later_counts_too(out: Path, key: SiteKey) -> None:
    end(out)
    clock = ManualClock(wall_ns=TAKEN_NS)
    with open_store(out) as store, Witness(out, store, key, clock) as witness:
        witness.catch_up()
        sweep = Sweep(out, RetentionOptions(most_gb=1e-6, grace_s=0), witness, store, clock)
        assert sweep.look() == 0
        for n in range(1, 5):
            (out / "recordings" / "gate" / f"{TAKEN_NS + n}.mp4").write_bytes(bytes(400))
            clock.advance(2 * SECOND)
            witness.catch_up()
            sweep.look()
            assert sum((out / name).stat().st_size for name in here(out)) <= 1000
    assert "media/1.jpg" in here(out)


def test_a_limit_that_cannot_be_kept_is_told_once(out: Path, key: SiteKey, caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock(wall_ns=TAKEN_NS + DAY)
    with open_store(out) as store, Witness(out, store, key, clock) as witness:
        sweep = Sweep(out, SMALL, witness, store, clock)
        for _ in range(30):
            sweep.look()
            clock.advance(5 * SECOND)
    told = [each.getMessage() for each in caplog.records if "retention" in each.getMessage()]
    assert [each for each in told if "holds more than" in each] == [
        "retention: camera gate holds more than 1e-09 GB (most_gb); "
        "what is left is open, protected, not delivered, or younger than grace_s"
    ]


def test_what_was_deleted_is_not_made_again_or_expected(out: Path, key: SiteKey) -> None:
    end(out)
    swept(out, key, SMALL)
    with open_store(out) as store, Witness(out, store, key, ManualClock(wall_ns=TAKEN_NS)) as witness:
        assert witness.catch_up() == 0
        assert "media/3.jpg" in witness.chain.gone
    assert verified(out).intact


KILLED = """
import os, sys
from pathlib import Path
from pipeline.integrity import chain, deletion
from pipeline.integrity.site_key import SiteKey
from tests.pipeline.retention.test_sweep import SMALL, swept

left, calls = int(sys.argv[3]), 0

def dying(work):
    def work_or_die(*arguments, **named):
        global calls
        calls += 1
        if calls > left:
            os.kill(os.getpid(), 9)
        return work(*arguments, **named)
    return work_or_die

chain.Chain.add = dying(chain.Chain.add)
os.fsync = dying(os.fsync)
deletion.Path.unlink = dying(deletion.Path.unlink)
swept(Path(sys.argv[1]), SiteKey.load(Path(sys.argv[2])), SMALL)
"""


@pytest.mark.parametrize("steps", [0, 9, 10, 11, 16])
def test_whenever_it_is_killed_the_results_are_intact_and_the_next_one_goes_on(
    out: Path, key: SiteKey, tmp_path: Path, root: Path, steps: int
) -> None:
    end(out)
    with open_store(out) as store, Witness(out, store, key, ManualClock(wall_ns=TAKEN_NS)) as witness:
        witness.catch_up()
    command = [sys.executable, "-c", KILLED, str(out), str(tmp_path / "site" / "site.key"), str(steps)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": "."})
    assert done.returncode == -9, done.stderr
    found = verified(out)
    assert found.intact, found.findings
    assert found.deleted == 10 or steps < 10, "ten tombstones, the disk, ten files"
    assert len(found.left) == found.deleted - max(0, steps - 11), "told, not removed yet"
    swept(out, key, SMALL)
    assert here(out) == {"media/2.missing"}
    found = verified(out)
    assert (found.intact, found.left, found.deleted) == (True, [], 10)
    tombstones = [each for each in read_chain(out / "chain.jsonl") if isinstance(each, Entry)]
    assert len({each.name for each in tombstones if each.kind == "tombstone"}) == 10


def test_what_cannot_be_removed_is_tried_again(out: Path, key: SiteKey, monkeypatch: pytest.MonkeyPatch) -> None:
    end(out)
    monkeypatch.setattr(Path, "unlink", _denied)
    assert swept(out, key, SMALL) == 10
    assert len(verified(out).left) == 10
    monkeypatch.undo()
    swept(out, key, RetentionOptions())
    assert verified(out).left == []


def _denied(path: Path, missing_ok: bool = False) -> None:
    raise PermissionError(13, "Permission denied", str(path))


def test_a_file_that_was_put_in_place_of_a_deleted_one_is_found(out: Path, key: SiteKey) -> None:
    end(out)
    swept(out, key, SMALL)
    (out / "media" / "3.jpg").write_bytes(b"another")
    found = verified(out)
    assert [(each.fault, each.name) for each in found.findings] == [("altered", "media/3.jpg")]


def test_a_tombstone_names_no_file_outside_of_the_evidence(out: Path, key: SiteKey) -> None:
    victim = out.parent / "victim"
    victim.write_text("here")
    with open_store(out) as store, Witness(out, store, key, ManualClock(wall_ns=TAKEN_NS)) as witness:
        for name in ("../victim", "media/../../victim", "events.db"):
            witness.chain.add("tombstone", name, digest="", size=0, taken="", note="")
    swept(out, key, RetentionOptions())
    assert victim.exists()
    assert (out / "events.db").exists()


def test_on_a_full_disk_what_is_old_goes_all_the_same_and_makes_room(
    out: Path, key: SiteKey, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "MOST_FULL", 4)
    end(out)
    folder = small_disk / "out"
    shutil.copytree(out, folder)
    clock = ManualClock(wall_ns=TAKEN_NS + 40 * DAY)
    with open_store(folder) as store, Witness(folder, store, key, clock) as witness:
        witness.catch_up()
        sweep = Sweep(folder, OLD, witness, store, clock)
        fill(small_disk)
        assert shutil.disk_usage(small_disk).free == 0
        assert [sweep.look() for _ in range(4)] == [4, 4, 2, 0]
        assert shutil.disk_usage(small_disk).free > 0
    assert here(folder) == {"media/2.missing"}
    found = verified(folder)
    assert (found.intact, found.left, found.deleted) == (True, [], 10)


def test_what_could_not_be_noted_on_a_full_disk_goes_once_it_is(out: Path, key: SiteKey, small_disk: Path) -> None:
    end(out)
    folder = small_disk / "out"
    shutil.copytree(out, folder)
    clock = ManualClock(wall_ns=TAKEN_NS + 40 * DAY)
    with open_store(folder) as store, Witness(folder, store, key, clock) as witness:
        witness.catch_up()
        os.truncate(folder / "chain.jsonl", (folder / "chain.jsonl").stat().st_size)  # as if nothing could be kept
        sweep = Sweep(folder, OLD, witness, store, clock)
        before, ballast = here(folder), fill(small_disk)
        assert sweep.look() == 0
        assert here(folder) == before
        clock.advance(EVERY_NS)
        sweep.look()
        assert here(folder) == before, "no tombstone is on the disk"
        ballast.unlink()
        witness.catch_up()
        clock.advance(EVERY_NS)
        sweep.look()
    assert here(folder) == {"media/2.missing"}
    assert verified(folder).intact
