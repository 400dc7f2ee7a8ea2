"""Which answers count: recordings wait for all of them, live cameras for none."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.desk import Desk
from pipeline.journal.answers import AnswersWriter
from pipeline.messages import SCHEMA, Answer, AnswersHeader, Missed, Wish
from pipeline.spec import RunSpec

RED = {"red": 0.9, "blue": 0.1}


def wish(index: int, track_id: int = 1) -> Wish:
    return Wish("gate", index, track_id, "colour", (0, 0, 9, 9), 100 + index)


@pytest.fixture
def spec(tmp_path: Path) -> RunSpec:
    (tmp_path / "logs").mkdir()
    return RunSpec(
        config=b"", out=str(tmp_path), run_dir="", ring_dir="", endpoint="", analysis_sha256="a", cameras=["gate"]
    )


def journal(spec: RunSpec, number: int = 0) -> AnswersWriter:
    header = AnswersHeader(SCHEMA, "gate", "colour", "a", {}, ["red", "blue"])
    return AnswersWriter.open(spec.answers_path("gate", "colour", number), header)


def desk(
    spec: RunSpec, *, live: bool = False, processes: int = 1, after: int = -1, missed: Sequence[Missed] = ()
) -> Desk:
    return Desk(spec, "gate", {"colour": processes}, live=live, after=after, missed=missed)


def test_a_recording_waits_for_the_classifier_to_say_what_it_can_say(spec: RunSpec) -> None:
    waiting = desk(spec)
    assert waiting.poll([]) == []
    assert not waiting.is_complete()
    journal(spec).close()
    assert [header.names for header in waiting.poll([])] == [["red", "blue"]]
    assert waiting.is_complete()
    assert waiting.poll([]) == [], "it is said once"


def test_a_recording_waits_for_every_answer_that_is_due(spec: RunSpec) -> None:
    waiting, writer = desk(spec), journal(spec)
    writer.append(Answer(4, 1, "colour", RED))
    waiting.poll([])
    assert waiting.settle([wish(4), wish(5)]) is None
    writer.append(Answer(5, 1, "colour", RED))
    waiting.poll([])
    facts = waiting.settle([wish(4), wish(5)])
    assert facts is not None
    assert [fact.index for fact in facts if isinstance(fact, Answer)] == [4, 5]


def test_a_live_camera_waits_for_none_and_notes_what_was_late(spec: RunSpec) -> None:
    live = desk(spec, live=True)
    assert live.is_complete()
    assert live.settle([wish(4)]) == [Missed(4, 1, "colour", "late")]


def test_what_was_late_once_is_late_again_whatever_the_journal_says(spec: RunSpec) -> None:
    writer = journal(spec)
    writer.append(Answer(4, 1, "colour", RED))
    again = desk(spec, live=True, missed=[Missed(4, 1, "colour", "late")])
    again.poll([])
    assert again.settle([wish(4)]) == [Missed(4, 1, "colour", "late")]


def test_answers_of_a_process_that_is_lost_are_not_waited_for_those_of_the_others_are(spec: RunSpec) -> None:
    waiting, _ = desk(spec, processes=2), journal(spec)
    waiting.lose("colour/1", "it died")
    waiting.lose("size/0", "not of this camera")
    assert waiting.settle([wish(4, track_id=3)]) == [Missed(4, 3, "colour", "classify_lost")]
    assert waiting.settle([wish(4, track_id=2)]) is None
    assert waiting.unanswered([wish(4, track_id=3), wish(4, track_id=2)]) == [wish(4, track_id=2)]


def test_a_recording_does_not_wait_for_a_classifier_none_of_which_is_left(spec: RunSpec) -> None:
    waiting = desk(spec, processes=2)
    waiting.lose("colour/0", "it died")
    assert not waiting.is_complete()
    waiting.lose("colour/1", "it died")
    assert waiting.is_complete()


def test_an_answer_that_was_given_before_a_lost_process_died_counts(spec: RunSpec) -> None:
    waiting, writer = desk(spec), journal(spec)
    writer.append(Answer(4, 1, "colour", RED))
    waiting.lose("colour/0", "it died")
    waiting.poll([])
    assert waiting.settle([wish(4)]) == [Answer(4, 1, "colour", RED)]


def test_of_two_answers_to_one_wish_the_first_counts(spec: RunSpec) -> None:
    waiting, writer = desk(spec), journal(spec)
    writer.append(Answer(4, 1, "colour", RED), Answer(4, 1, "colour", {"red": 0.1, "blue": 0.9}))
    waiting.poll([])
    assert waiting.settle([wish(4)]) == [Answer(4, 1, "colour", RED)]


def test_a_reader_that_goes_on_finds_the_answers_to_open_wishes_and_keeps_no_others(spec: RunSpec) -> None:
    writer = journal(spec)
    writer.append(*(Answer(index, 1, "colour", RED) for index in range(10)))
    later = desk(spec, after=7)
    later.poll([wish(6)])
    assert later.unanswered([wish(index) for index in range(12)]) == [
        wish(index) for index in range(12) if index not in (6, 8, 9)
    ]


def test_journals_of_an_earlier_run_with_more_processes_are_read_too(spec: RunSpec) -> None:
    journal(spec, 0).close()
    writer = journal(spec, 3)
    writer.append(Answer(4, 3, "colour", RED))
    later = desk(spec, processes=1)
    later.poll([])
    assert later.settle([wish(4, track_id=3)]) == [Answer(4, 3, "colour", RED)]


def test_a_live_classifier_joins_once(spec: RunSpec) -> None:
    live = desk(spec, live=True)
    assert live.joins("colour")
    assert not live.joins("colour")
    assert not desk(spec, live=True, missed=[Missed(0, -1, "colour", "joined")]).joins("colour")
