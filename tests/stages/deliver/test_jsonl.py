"""The JSON Lines sink writes each message once, whatever was cut off before."""

import resource
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.errors import DeliveryError
from pipeline.messages import Event
from pipeline.store.sample_event import sample_event
from stages.deliver.jsonl import JsonLinesSink
from stages.deliver.options import JsonLinesOptions


def sink(path: Path, **options: Any) -> JsonLinesSink:
    return JsonLinesSink(JsonLinesOptions(path=path, fsync=False, **options))


def send(path: Path, *ordinals: int) -> None:
    lines = sink(path)
    try:
        for ordinal in ordinals:
            event = sample_event(ordinal=ordinal)
            lines.send(event, key=event.message_id)
    finally:
        lines.close()
        lines.close()


def ordinals(path: Path) -> list[int]:
    return [msgspec.json.decode(line, type=Event).ordinal for line in path.read_bytes().splitlines()]


def test_each_event_is_one_line(tmp_path: Path) -> None:
    send(tmp_path / "a.jsonl", 1, 2, 3)
    assert ordinals(tmp_path / "a.jsonl") == [1, 2, 3]


def test_a_message_that_comes_again_is_acknowledged_and_not_written(tmp_path: Path) -> None:
    send(tmp_path / "a.jsonl", 1, 2, 2)
    send(tmp_path / "a.jsonl", 1, 2, 3)
    assert ordinals(tmp_path / "a.jsonl") == [1, 2, 3]


def test_a_write_cut_short_at_any_byte_is_repaired(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    send(path, 1, 2)
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        send(path, 1, 2)
        assert path.read_bytes() == whole


def test_a_line_that_lacks_only_its_newline_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    send(path, 1)
    path.write_bytes(path.read_bytes()[:-1])
    send(path, 1, 2)
    assert ordinals(path) == [1, 2]


def test_lines_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"mine": 1}\n')
    send(tmp_path / "a.jsonl", 1)
    assert (tmp_path / "a.jsonl").read_text().startswith('{"mine": 1}\n{"schema"')


def test_a_missing_folder_is_an_error_that_names_it_and_goes_when_it_is_made(tmp_path: Path) -> None:
    path = tmp_path / "later" / "a.jsonl"
    lines = sink(path)
    with pytest.raises(DeliveryError, match=r"later/a\.jsonl cannot be written: No such file"):
        lines.send(sample_event(), key="sample-gate-1")
    path.parent.mkdir()
    lines.send(sample_event(), key="sample-gate-1")
    lines.close()
    assert ordinals(path) == [1]


def test_a_second_writer_is_kept_out(tmp_path: Path) -> None:
    first, second = sink(tmp_path / "a.jsonl"), sink(tmp_path / "a.jsonl")
    first.send(sample_event(), key="sample-gate-1")
    with pytest.raises(DeliveryError, match="in use by another process"):
        second.send(sample_event(), key="sample-gate-1")
    first.close()
    second.send(sample_event(), key="sample-gate-1")
    second.close()
    assert ordinals(tmp_path / "a.jsonl") == [1]


def test_a_full_disk_is_an_error_of_delivery() -> None:
    with pytest.raises(DeliveryError, match=r"/dev/full cannot be written: No space left"):
        send(Path("/dev/full"), 1)


def test_a_line_that_fits_only_in_part_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    send(path, 1)
    whole = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 50, hard))
    try:
        with pytest.raises(DeliveryError, match="cannot be written"):
            send(path, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == whole
    send(path, 2)
    assert ordinals(path) == [1, 2]


def test_a_file_that_was_moved_or_deleted_is_made_anew_and_no_line_is_lost(tmp_path: Path) -> None:
    path, rotated = tmp_path / "a.jsonl", tmp_path / "a.jsonl.1"
    lines = sink(path)
    try:
        for ordinal in (1, 2, 3):
            lines.send(sample_event(ordinal=ordinal), key=f"sample-gate-{ordinal}")
            assert ordinals(path) == [ordinal]
            if ordinal == 1:
                path.rename(rotated)
            elif ordinal == 2:
                path.unlink()
    finally:
        lines.close()
    assert ordinals(rotated) == [1]


def test_beside_a_run_that_has_the_file_it_takes_the_lines_of_a_test(tmp_path: Path) -> None:
    options = JsonLinesOptions(path=tmp_path / "a.jsonl")
    run, trial = JsonLinesSink(options), JsonLinesSink(options.for_trial())
    run.send(sample_event(ordinal=1), key="sample-gate-1")
    trial.send(sample_event(ordinal=2), key="sample-gate-2")
    trial.close()
    run.send(sample_event(ordinal=3), key="sample-gate-3")
    run.close()
    assert ordinals(tmp_path / "a.jsonl") == [1, 2, 3]
