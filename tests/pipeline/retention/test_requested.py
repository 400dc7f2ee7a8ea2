"""What users ask for while a run goes on, the process that holds the chain does beside its other work."""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.clock import ManualClock, SystemClock
from pipeline.errors import StoreError, UsageError
from pipeline.integrity.chain import Chain
from pipeline.integrity.site_key import SiteKey
from pipeline.integrity.witness import Witness
from pipeline.retention import request as requests
from pipeline.retention.request import ANSWER, REQUEST, Answer, Request, answer_to, ask, standing
from pipeline.retention.requested import EVERY_NS, Requested
from pipeline.store.pruning import Pruning, Tell
from pipeline.store.sample_event import sample_event
from tests.pipeline.integrity.conftest import nowhere, open_store
from tests.pipeline.retention.test_pruned import OLD, run
from tests.pipeline.retention.test_sweep import end, here, verified

__all__ = ["run"]
WISH = Request(id="one", before_ns=10**18, why="because")


@contextmanager
def taken(out: Path) -> Iterator[None]:
    """The folder is a run's."""
    descriptor = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


class Running:
    """A run, as far as it has to do with the chain: claims the folder, and looks for requests until it is to end."""

    def __init__(self, out: Path, key: SiteKey, *, steps: int = 10**9) -> None:
        """``steps``: it ends by itself after so many in which there was something to do."""
        self.out, self.key, self.steps = out, key, steps
        self.began, self.over = threading.Event(), threading.Event()
        self.removed = 0
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        clock = ManualClock(wall_ns=10**18)
        with taken(self.out), open_store(self.out) as store, Witness(self.out, store, self.key, clock) as witness:
            requested = Requested(self.out, witness, store, SystemClock(), removed=self.count)
            self.began.set()
            while not self.over.wait(0.01) and self.steps:
                self.steps -= requested.step()

    def count(self) -> None:
        self.removed += 1

    def __enter__(self) -> "Running":
        self.thread.start()
        assert self.began.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join(10)


def leftovers(out: Path) -> list[str]:
    return [path.name for path in out.iterdir() if "prune" in path.name]


def test_a_run_deletes_what_is_asked_for_and_the_user_hears_of_it(
    out: Path, key: SiteKey, run: Callable[..., str]
) -> None:
    end(out, but=3)
    with Running(out, key) as running:
        said = run("events", "prune", out, *OLD, "--media")
    assert "deleted 3 events (6 messages)\n  kept 1: not over\ndeleted 9 files of theirs" in said
    assert "keeps its size while the run goes on" in said
    assert running.removed == 1
    kept = {f"media/{path}" for n in (3, 5) for path in (f"{n}.jpg", f"gate/{n}.mp4")}
    assert here(out) == {*kept, "recordings/gate/1.mp4"}
    found = verified(out)
    assert (found.intact, found.findings, found.deleted) == (True, [], 15)
    assert {each.why for each in found.tombstones} == {"bartizan events prune --older-than 2026-01-01"}
    assert leftovers(out) == []


def test_several_requests_follow_one_another_in_one_run(out: Path, key: SiteKey, run: Callable[..., str]) -> None:
    end(out)
    with Running(out, key):
        assert "deleted 0 events" in run("events", "prune", out, *OLD, "--severity", "low")
        assert "deleted 4 events (8 messages)" in run("events", "prune", out, *OLD, "--severity", "high")
        assert "deleted 0 events" in run("events", "prune", out, *OLD)
    assert verified(out).intact


def test_what_came_since_the_chain_was_caught_up_is_in_it_before_its_tombstone(
    out: Path, key: SiteKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    end(out)
    before = Pruning.steps

    def late(self: Pruning, tell: Tell) -> Iterator[tuple[int, int]]:
        with open_store(out) as store:
            position = store.position("gate")
            assert position is not None
            late = [sample_event(ordinal=n, id=f"late-{n // 2}", type=("start", "end")[n % 2]) for n in range(40, 44)]
            store.commit("gate", late, position, nowhere)
        return before(self, tell)

    monkeypatch.setattr(Pruning, "steps", late)
    with Running(out, key):
        told = ask(out, WISH, run_is_over=lambda: False)
    assert told == Answer(id=WISH.id, events=6, messages=12, is_over=True)
    assert verified(out).findings == []


def test_a_run_that_ends_meanwhile_leaves_the_rest_to_the_command(
    out: Path, key: SiteKey, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.store.pruning._BATCH", 1)
    end(out)
    with Running(out, key, steps=2):
        said = run("events", "prune", out, *OLD, "--media")
    assert "the run deleted 2 events (4 messages) and ended; the rest:\ndeleted 2 events (4 messages)" in said
    found = verified(out)
    assert (found.intact, found.left, found.deleted) == (True, [], 20)
    assert leftovers(out) == []


def test_a_process_that_is_killed_at_it_is_followed_by_one_that_goes_on(
    out: Path, key: SiteKey, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.store.pruning._BATCH", 1)
    end(out)
    over = threading.Event()

    def killed_and_restarted() -> None:
        with taken(out), open_store(out) as store:
            for steps in (2, 10**9):
                with Witness(out, store, key, ManualClock(wall_ns=10**18)) as witness:
                    requested = Requested(out, witness, store, SystemClock())
                    while steps and not over.wait(0.01):
                        steps -= requested.step()

    process = threading.Thread(target=killed_and_restarted)
    process.start()
    try:
        assert "deleted 4 events (8 messages)\n" in run("events", "prune", out, *OLD)
    finally:
        over.set()
        process.join(10)
    assert verified(out).intact


def test_a_chain_that_is_held_by_who_takes_nothing_up_is_one_line(
    out: Path, key: SiteKey, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "TAKEN_UP_S", 0.3)
    end(out)
    chain = Chain(out, key)
    with (
        taken(out),
        pytest.raises(StoreError, match=r"another process adds.*no run took up the request") as told,
    ):
        run("events", "prune", out, *OLD)
    chain.close()
    assert "\n" not in str(told.value)
    assert leftovers(out) == []
    with taken(out):
        assert "deleted 4 events" in run("events", "prune", out, *OLD), "a run without a chain needs not be asked"


def test_what_fails_in_the_run_is_told_to_the_user_and_the_run_goes_on(
    out: Path, key: SiteKey, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    end(out)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(out / "chain.jsonl"))

    with Running(out, key):
        with monkeypatch.context() as patched:
            patched.setattr("pipeline.retention.pruned.note_deletions", full)
            with pytest.raises(StoreError, match=r"the run could not go on with it: .*No space left on device"):
                run("events", "prune", out, *OLD)
        assert "deleted 4 events" in run("events", "prune", out, *OLD)
    assert verified(out).intact


def test_nobody_does_what_nobody_waits_for_any_more(out: Path) -> None:
    end(out)
    (out / REQUEST).write_bytes(requests._ENCODE(WISH))
    assert standing(out) is None
    assert ask(out, WISH, run_is_over=lambda: True) is None, "and it is in nobody's way"
    assert leftovers(out) == []


def test_a_process_that_comes_by_all_the_time_looks_for_requests_now_and_then(out: Path, key: SiteKey) -> None:
    end(out)
    clock = ManualClock(wall_ns=10**18)
    with open_store(out) as store, Witness(out, store, key, clock) as witness:
        requested = Requested(out, witness, store, clock)
        assert not requested.step()
        with requests._standing(out, WISH):
            assert not requested.step(), "it has just looked"
            clock.advance(EVERY_NS)
            while requested.step():  # what is under way goes on at once
                pass
            told = requests.said_of(out, WISH)
    assert told is not None
    assert told.is_over


def test_who_stops_waiting_stops_the_deleting(out: Path, key: SiteKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.store.pruning._BATCH", 1)
    end(out)
    with open_store(out) as store, Witness(out, store, key, ManualClock(wall_ns=10**18)) as witness:
        requested = Requested(out, witness, store, SystemClock())
        with requests._standing(out, WISH):
            assert requested.step()
        assert requested.step()
        assert not requested.step()
        assert sum(1 for _ in store.catalogue.all(WISH.wanted)) == 4
    assert verified(out).intact
    assert leftovers(out) == [], "an answer that comes too late goes again"


def test_a_failure_that_nobody_waits_for_leaves_no_answer(
    out: Path, key: SiteKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.store.pruning._BATCH", 1)
    end(out)
    with open_store(out) as store, Witness(out, store, key, ManualClock(wall_ns=10**18)) as witness:
        requested = Requested(out, witness, store, SystemClock())
        with requests._standing(out, WISH):
            assert requested.step()
        (out / REQUEST).mkdir()  # cannot be read
        assert requested.step()
        (out / REQUEST).rmdir()
    assert leftovers(out) == []


def test_a_second_request_is_refused_while_the_first_one_stands(out: Path) -> None:
    with requests._standing(out, WISH):
        assert standing(out) == WISH
        with pytest.raises(UsageError, match="another prune is waiting for this run"):
            ask(out, Request(id="two", before_ns=1), run_is_over=lambda: True)
        assert standing(out) == WISH
    assert standing(out) is None


def test_an_answer_to_another_request_is_none(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "TAKEN_UP_S", 0.2)
    answer_to(out, Answer(id="another", events=7, is_over=True))
    assert ask(out, WISH, run_is_over=lambda: False) is None
    assert not (out / ANSWER).exists()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere/.*: cannot be written: No such file"):
        ask(tmp_path / "nowhere", WISH, run_is_over=lambda: False)
