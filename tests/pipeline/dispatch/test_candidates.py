"""Candidates for best pictures of live cameras: cut while their slots are there, few at a time, in nobody's way."""

from pipeline.dispatch.camera_book import CameraBook
from pipeline.dispatch.dispatcher import Dispatcher
from pipeline.dispatch.effects import Effect, Send
from pipeline.dispatch.limits import Limits
from pipeline.dispatch.snapshots import CUTTING
from pipeline.messages import (
    CANDIDATE,
    Candidates,
    CaptureHello,
    Cut,
    CutDone,
    EvidenceHello,
    Frame,
    Keep,
    Offer,
    Passed,
    ReaderHello,
    Release,
    Result,
    Slot,
    WorkerHello,
)

READER, EVIDENCE, WORKER, CAPTURE = b"r", b"s", b"w", b"a"


def committed(frames: int, hold: int = 10) -> Dispatcher:
    """A live camera whose frames are in the log; the reader has passed none of them."""
    dispatcher = Dispatcher("e", {"a": CameraBook("a", live=True)}, Limits(hold=hold))
    dispatcher.receive(CAPTURE, CaptureHello("a", "i", True), 0)
    dispatcher.receive(WORKER, WorkerHello("w", "detect", "x", 1), 0)
    dispatcher.receive(READER, ReaderHello("r"), 0)
    dispatcher.receive(EVIDENCE, EvidenceHello("s"), 0)
    for index in range(frames):
        commit(dispatcher, index)
    return dispatcher


def commit(dispatcher: Dispatcher, index: int) -> list[Effect]:
    frame = Frame("a", 0, index, index * 10)
    dispatcher.receive(CAPTURE, Offer("i", frame, Slot("ring", index, 2, (1, 1, 3))), 0)
    return dispatcher.receive(WORKER, Result("w", next(iter(dispatcher.workers["w"].leases)), b"", 1), 0)


def ask(dispatcher: Dispatcher, *indexes: int) -> list[Effect]:
    return dispatcher.receive(READER, Candidates("a", list(indexes)), 1)


def cuts(effects: list[Effect]) -> list[int]:
    found = [effect.message for effect in effects if isinstance(effect, Send) and effect.peer == EVIDENCE]
    wanted = [message for message in found if isinstance(message, Cut) and message.message_id == CANDIDATE]
    assert all(message.slot is not None for message in wanted)
    return [message.index for message in wanted]


def released(effects: list[Effect]) -> list[int]:
    sent = [effect.message for effect in effects if isinstance(effect, Send)]
    return [index for message in sent if isinstance(message, Release) for index in message.indexes]


def test_a_candidates_slot_stays_until_it_was_cut() -> None:
    dispatcher = committed(3)
    assert cuts(ask(dispatcher, 1)) == [1]
    assert released(dispatcher.receive(READER, Passed("a", 2), 2)) == [0, 2]
    assert released(dispatcher.receive(EVIDENCE, CutDone("a", 1, CANDIDATE), 3)) == [1]


def test_a_frame_that_is_gone_is_not_cut_and_keeps_nothing() -> None:
    dispatcher = committed(3)
    dispatcher.receive(READER, Passed("a", 1), 2)
    assert cuts(ask(dispatcher, 0, 2)) == [2]
    assert list(dispatcher.cameras["a"].wanted) == [2]


def test_evidence_hears_of_the_whole_list_also_of_frames_that_are_gone() -> None:
    dispatcher = committed(1)
    told = [effect.message for effect in ask(dispatcher, 0, 7) if isinstance(effect, Send)]
    assert Candidates("a", [0, 7]) in told


def test_few_are_cut_at_a_time_and_others_when_they_are_asked_for_again() -> None:
    dispatcher = committed(6)
    wanted = range(6)
    assert cuts(ask(dispatcher, *wanted)) == [0, 1, 2]
    assert CUTTING == 3
    assert cuts(ask(dispatcher, *wanted)) == [], "evidence that is behind is not asked twice"
    dispatcher.receive(READER, Passed("a", 0), 2)
    dispatcher.receive(EVIDENCE, CutDone("a", 0, CANDIDATE), 3)
    assert cuts(ask(dispatcher, *wanted)) == [3]


def test_a_cut_that_got_lost_is_given_up_when_its_frame_is_not_asked_for_any_more() -> None:
    dispatcher = committed(3)
    ask(dispatcher, 1)
    dispatcher.receive(READER, Passed("a", 2), 2)
    assert released(ask(dispatcher)) == [1]
    assert list(dispatcher.cameras["a"].held) == []


def test_a_snapshot_keeps_its_slot_longer_than_a_candidate() -> None:
    dispatcher = committed(3, hold=3)
    dispatcher.receive(READER, Keep("a", 0, "m"), 1)
    ask(dispatcher, 1)
    dispatcher.receive(READER, Passed("a", 1), 2)
    assert released(commit(dispatcher, 3)) == [1]
    assert list(dispatcher.cameras["a"].held) == [0, 2, 3]


def test_a_silent_evidence_process_holds_no_slot_for_long() -> None:
    dispatcher = committed(0, hold=4)
    for index in range(50):
        commit(dispatcher, index)
        ask(dispatcher, *range(max(index - 10, 0), index + 1))
        dispatcher.receive(READER, Passed("a", index), 2)
        assert len(dispatcher.cameras["a"].held) <= 4
        assert len(dispatcher.cameras["a"].wanted) <= CUTTING
    dispatcher.receive(READER, Candidates("a", []), 3)
    assert dispatcher.cameras["a"].held == {}


def test_another_evidence_process_gets_what_its_predecessor_did_not_cut() -> None:
    dispatcher = committed(2)
    ask(dispatcher, 1)
    effects = dispatcher.receive(b"other", EvidenceHello("t"), 4)
    again = [e.message for e in effects if isinstance(e, Send) and e.peer == b"other" and isinstance(e.message, Cut)]
    assert [(cut.index, cut.message_id) for cut in again] == [(1, CANDIDATE)]


def test_a_snapshot_of_the_same_frame_is_cut_as_well() -> None:
    dispatcher = committed(1)
    ask(dispatcher, 0)
    dispatcher.receive(READER, Keep("a", 0, "m"), 1)
    dispatcher.receive(READER, Passed("a", 0), 2)
    assert released(dispatcher.receive(EVIDENCE, CutDone("a", 0, CANDIDATE), 3)) == []
    assert released(dispatcher.receive(EVIDENCE, CutDone("a", 0, "m"), 3)) == [0]
