"""The log keeps what was appended, cuts a torn tail, and never skips damage."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import LogError
from pipeline.journal.log import LogReader, LogWriter
from pipeline.messages import (
    SCHEMA,
    EndRecord,
    EngineRecord,
    Frame,
    FrameRecord,
    LogHeader,
    Record,
    Status,
    StreamRecord,
)

HEADER = LogHeader(SCHEMA, "gate", False, "analysis", "source")
SHARED_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)

WRITE_FOR_EVER = """
import sys
from pathlib import Path
from pipeline.journal.log import LogWriter
from pipeline.messages import *
log = LogWriter.open(Path(sys.argv[1]), LogHeader(SCHEMA, "gate", False, "analysis", "source"))
index = log.summary.next_index
stop = index + int(sys.argv[2])
while index < stop:
    log.append(FrameRecord(Frame("gate", 0, index, index), Status.ANALYSED, bytes(index % 3000)))
    index += 1
    if index % 100 == 0:
        print(index, flush=True)
"""


def frame(index: int, *, status: Status = Status.ANALYSED, session: int = 0, size: int = 20) -> FrameRecord:
    return FrameRecord(Frame("gate", session, index, index * 10, digest=index + 7), status, bytes(size))


def written(path: Path, records: list[Record]) -> list[int]:
    """Write a log anew; the offsets behind each record, the header's included."""
    path.unlink(missing_ok=True)
    log = LogWriter.open(path, HEADER)
    ends = [log.summary.length] + [log.append(record) for record in records]
    log.close()
    return ends


def read_all(path: Path) -> list[Record]:
    reader = LogReader(path)
    records: list[Record] = []
    try:
        while batch := reader.read(1000):
            records += [record for record, _ in batch]
        return records
    finally:
        reader.close()


def start_writer(root: Path, path: Path, frames: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITE_FOR_EVER, str(path), str(frames)]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gate.log"


def test_records_come_back_in_order_with_the_offsets_that_append_gave(path: Path) -> None:
    records: list[Record] = [EngineRecord("cpu", {"name": "n"}, ["person"]), frame(0), frame(1), EndRecord(1, "eof")]
    ends = written(path, records)
    reader = LogReader(path)
    assert reader.read(100) == list(zip([HEADER, *records], ends, strict=True))
    assert reader.offset == ends[-1] == path.stat().st_size
    reader.close()


def test_the_summary_of_a_reopened_log_is_that_of_its_writer(path: Path) -> None:
    log = LogWriter.open(path, HEADER)
    engine = EngineRecord("cpu", {}, [])
    for record in (engine, frame(0), frame(1, status=Status.STATIC), StreamRecord(False, 15, None, "gone")):
        log.append(record)
    log.append(frame(2, session=1))
    before = log.summary
    log.close()
    again = LogWriter.open(path, HEADER)
    assert again.summary == before
    assert (before.next_index, before.next_session, before.last_media_ns, before.last_digest) == (3, 2, 20, 9)
    assert before.counts == {Status.ANALYSED: 2, Status.STATIC: 1}
    assert (before.engine, before.records, before.ended) == (engine, 6, False)
    again.append(EndRecord(2, "eof"))
    assert again.summary.ended
    again.close()


def test_a_new_log_is_empty_but_for_its_header(path: Path) -> None:
    log = LogWriter.open(path, HEADER)
    assert (log.summary.next_index, log.summary.last_media_ns, log.summary.records) == (0, -1, 1)
    assert log.truncated_bytes == 0
    log.close()


def test_a_tail_torn_at_any_byte_is_cut_and_the_rest_is_kept(path: Path) -> None:
    ends = written(path, [frame(0), frame(1)])
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert len(read_all(path)) == sum(end <= length for end in ends)
        log = LogWriter.open(path, HEADER)
        kept = max((end for end in ends if end <= length), default=0)
        assert log.truncated_bytes == length - kept
        assert log.summary.next_index == max(0, sum(end <= length for end in ends) - 1)
        for index in range(log.summary.next_index, 2):
            log.append(frame(index))
        log.close()
        assert path.read_bytes() == whole


@SHARED_FOLDER
@given(st.integers(0, 10**6), st.integers(0, 7), st.lists(st.integers(0, 200), min_size=2, max_size=6))
def test_a_flipped_bit_before_the_last_record_is_an_error(path: Path, place: int, bit: int, sizes: list[int]) -> None:
    ends = written(path, [frame(index, size=size) for index, size in enumerate(sizes)])
    data = bytearray(path.read_bytes())
    data[place % ends[-2]] ^= 1 << bit
    path.write_bytes(data)
    with pytest.raises(LogError, match=r"gate\.log"):
        read_all(path)
    with pytest.raises(LogError, match=r"gate\.log"):
        LogWriter.open(path, HEADER)
    assert path.read_bytes() == data, "a damaged log must be left as it is"


@SHARED_FOLDER
@given(st.integers(0, 10**6), st.integers(0, 7))
def test_a_flipped_bit_in_the_last_record_loses_that_record_only(path: Path, place: int, bit: int) -> None:
    ends = written(path, [frame(0), frame(1)])
    data = bytearray(path.read_bytes())
    data[ends[-2] + place % (ends[-1] - ends[-2])] ^= 1 << bit
    path.write_bytes(data)
    assert read_all(path) == [HEADER, frame(0)]
    log = LogWriter.open(path, HEADER)
    assert (log.summary.next_index, log.truncated_bytes) == (1, ends[-1] - ends[-2])
    log.close()


@SHARED_FOLDER
@given(st.binary(max_size=5000) | st.integers(0, 70_000).map(bytes))
def test_garbage_behind_the_last_record_is_a_torn_tail(path: Path, garbage: bytes) -> None:
    """A power cut may leave a file longer than its data: zeros, or what lay on the disk before."""
    written(path, [frame(0)])
    with path.open("ab") as file:
        file.write(garbage)
    assert read_all(path) == [HEADER, frame(0)]
    log = LogWriter.open(path, HEADER)
    assert log.truncated_bytes == len(garbage)
    log.close()


def test_damage_says_where_it_is_and_what_to_do(path: Path) -> None:
    ends = written(path, [frame(0), frame(1), frame(2)])
    data = bytearray(path.read_bytes())
    data[ends[1] + 30] ^= 1
    path.write_bytes(data)
    reader = LogReader(path)
    assert [record for record, _ in reader.read(100)] == [HEADER, frame(0)]
    with pytest.raises(LogError, match=rf"damaged at byte {ends[1]}: .*backup.*--overwrite"):
        reader.read(100)
    reader.close()


@pytest.mark.parametrize("field", ["camera", "analysis_sha256", "source_sha256"])
def test_a_log_of_something_else_is_refused_by_name(path: Path, field: str) -> None:
    written(path, [frame(0)])
    other = msgspec.structs.replace(HEADER, **{field: "other"})
    with pytest.raises(LogError, match=rf"{field} is '\w+', not 'other'"):
        LogWriter.open(path, other)


def test_a_log_of_another_schema_is_refused_with_both_numbers(path: Path) -> None:
    LogWriter.open(path, LogHeader(SCHEMA, "gate", False, "", "")).close()
    data = path.read_bytes()
    path.unlink()
    log = LogWriter.open(path, LogHeader(SCHEMA + 1, "gate", False, "", ""))
    log.close()
    assert len(path.read_bytes()) == len(data)
    with pytest.raises(LogError, match=rf"schema {SCHEMA + 1}.*has {SCHEMA}\b"):
        read_all(path)


def test_a_file_that_is_no_log_is_refused_untouched(path: Path) -> None:
    path.write_text("dear diary")
    with pytest.raises(LogError, match="not a log"):
        LogWriter.open(path, HEADER)
    with pytest.raises(LogError, match="not a log"):
        read_all(path)
    assert path.read_text() == "dear diary"


def test_a_second_writer_is_refused(path: Path) -> None:
    log = LogWriter.open(path, HEADER)
    with pytest.raises(LogError, match="another process"):
        LogWriter.open(path, HEADER)
    log.close()


def test_a_reader_waits_for_a_log_that_is_not_there_yet(path: Path) -> None:
    reader = LogReader(path)
    assert reader.read(10) == []
    log = LogWriter.open(path, HEADER)
    assert [record for record, _ in reader.read(10)] == [HEADER]
    log.append(frame(0))
    assert [record for record, _ in reader.read(10)] == [frame(0)]
    reader.sync()
    assert reader.read(10) == []
    log.close()
    reader.close()


def test_a_reader_goes_on_from_any_offset_and_reads_no_more_than_asked(path: Path) -> None:
    ends = written(path, [frame(index, size=3000) for index in range(500)])
    reader = LogReader(path)
    reader.seek(ends[100])
    got = reader.read(250)
    assert [record.frame.index for record, _ in got if isinstance(record, FrameRecord)] == list(range(100, 350))
    assert got[-1][1] == reader.offset == ends[350]
    reader.close()


def test_a_record_larger_than_any_chunk_is_read(path: Path) -> None:
    written(path, [frame(0, size=3_000_000), frame(1)])
    assert read_all(path) == [HEADER, frame(0, size=3_000_000), frame(1)]


def test_a_log_shorter_than_what_was_read_is_an_error(path: Path) -> None:
    ends = written(path, [frame(0)])
    reader = LogReader(path)
    reader.seek(ends[-1] + 100)
    with pytest.raises(LogError, match=f"has {ends[-1]} bytes but was read up to {ends[-1] + 100}"):
        reader.read(10)
    reader.close()


def test_a_full_disk_leaves_the_log_whole(small_disk: Path) -> None:
    path = small_disk / "gate.log"
    log = LogWriter.open(path, HEADER)

    def fill() -> None:
        for index in range(10_000):
            log.append(frame(index, size=5000))

    with pytest.raises(LogError, match="cannot be written at byte"):
        fill()
    last = log.summary
    assert path.stat().st_size == last.length
    log.close()
    assert len(read_all(path)) == last.records


def test_a_reader_beside_a_writing_process_sees_every_record_once(root: Path, path: Path) -> None:
    writer = start_writer(root, path, 3000)
    reader = LogReader(path)
    indexes: list[int] = []
    deadline = time.monotonic() + 120
    while len(indexes) < 3000 and time.monotonic() < deadline:
        indexes += [record.frame.index for record, _ in reader.read(7) if isinstance(record, FrameRecord)]
    writer.communicate(timeout=120)
    reader.close()
    assert indexes == list(range(3000))


def test_what_a_killed_writer_had_appended_is_there(root: Path, path: Path) -> None:
    known = 0
    for _ in range(4):
        with start_writer(root, path, 10**9) as writer:
            assert writer.stdout is not None
            for _ in range(5):
                reported = int(writer.stdout.readline())
            os.kill(writer.pid, signal.SIGKILL)
        frames = [record for record in read_all(path) if isinstance(record, FrameRecord)]
        assert [record.frame.index for record in frames] == list(range(len(frames)))
        assert len(frames) >= reported > known
        known = reported
