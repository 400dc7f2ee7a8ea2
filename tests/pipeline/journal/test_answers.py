"""The journal of answers: whole answers in order, whatever happened to its writer."""

from pathlib import Path

import pytest

from pipeline.errors import LogError
from pipeline.journal.answers import AnswersReader, AnswersWriter
from pipeline.messages import SCHEMA, Answer, AnswersHeader

HEADER = AnswersHeader(SCHEMA, "gate", "colour", "analysis", {"name": "m", "sha256": "s"}, ["red", "blue"])
ANSWERS = [Answer(i, 3, "colour", {"red": 0.25, "blue": 0.75}, features=bytes(i)) for i in range(50)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "gate.colour-0.answers"
    writer = AnswersWriter.open(path, HEADER)
    writer.append(*ANSWERS)
    writer.close()
    return path


def read(path: Path) -> list[object]:
    reader = AnswersReader(path)
    try:
        return list(reader.read())
    finally:
        reader.close()


def test_what_was_written_is_read(path: Path) -> None:
    assert read(path) == [HEADER, *ANSWERS]


def test_a_reader_follows_a_journal_that_does_not_exist_yet(tmp_path: Path) -> None:
    path = tmp_path / "later.answers"
    reader = AnswersReader(path)
    assert reader.read() == []
    writer = AnswersWriter.open(path, HEADER)
    assert reader.read() == [HEADER]
    writer.append(ANSWERS[0])
    writer.append(ANSWERS[1], ANSWERS[2])
    assert reader.read() == ANSWERS[:3]
    assert reader.read() == []
    writer.close()
    reader.close()


@pytest.mark.parametrize("lost", [1, 7, 9, 100])
def test_a_torn_tail_is_not_read_and_cut_off_by_the_next_writer(path: Path, lost: int) -> None:
    path.write_bytes(path.read_bytes()[:-lost])
    whole = read(path)
    assert whole == [HEADER, *ANSWERS][: len(whole)]
    assert len(whole) < 51
    writer = AnswersWriter.open(path, HEADER)
    writer.append(Answer(99, 1, "colour"))
    writer.close()
    assert read(path) == [*whole, Answer(99, 1, "colour")]


@pytest.mark.parametrize("left", [0, 3, 8, 20])
def test_a_journal_without_a_whole_header_is_begun_anew(path: Path, left: int) -> None:
    path.write_bytes(path.read_bytes()[:left])
    assert read(path) == []
    AnswersWriter.open(path, HEADER).close()
    assert read(path) == [HEADER]


def test_damage_before_the_tail_is_refused(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(LogError, match="damaged at byte"):
        read(path)


def test_another_model_may_not_go_on_with_it(path: Path) -> None:
    other = AnswersHeader(SCHEMA, "gate", "colour", "analysis", {"name": "m", "sha256": "t"}, ["red", "blue"])
    with pytest.raises(LogError, match="model is"):
        AnswersWriter.open(path, other)


def test_a_second_writer_is_refused(path: Path) -> None:
    writer = AnswersWriter.open(path, HEADER)
    with pytest.raises(LogError, match="being written by another process"):
        AnswersWriter.open(path, HEADER)
    writer.close()


def test_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.answers"
    path.write_bytes(b"BZLOG\x00\x01\nsomething")
    with pytest.raises(LogError, match="no journal of answers"):
        read(path)


def test_a_large_journal_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.answers"
    writer = AnswersWriter.open(path, HEADER)
    many = [Answer(i, 1, "colour", features=bytes(3000)) for i in range(1000)]
    writer.append(*many)
    writer.append(Answer(5000, 1, "colour", features=bytes(2_000_000)))
    writer.close()
    assert len(read(path)) == 1002
