from pathlib import Path

import pytest

from pipeline.errors import SourceRefused
from stages.capture.fingerprint import fingerprint


def test_a_copy_under_another_name_has_the_same_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "a.avi").write_bytes(b"x" * 3_000_000)
    (tmp_path / "b.mp4").write_bytes(b"x" * 3_000_000)
    assert fingerprint(str(tmp_path / "a.avi")) == fingerprint(str(tmp_path / "b.mp4"))
    assert fingerprint(str(tmp_path / "a.avi")) == fingerprint((tmp_path / "a.avi").as_uri())


@pytest.mark.parametrize("size", [1, 1000, 1_500_000, 3_000_000])
def test_another_first_or_last_byte_or_length_changes_it(tmp_path: Path, size: int) -> None:
    file = tmp_path / "a.avi"
    seen = set()
    for content in (b"x" * size, b"y" + b"x" * (size - 1), b"x" * size + b"z", b"x" * size + b"y"):
        file.write_bytes(content)
        seen.add(fingerprint(str(file)))
    assert len(seen) == 4


def test_a_folder_counts_by_its_files_and_the_rate_it_is_played_at(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "0.jpg").write_bytes(b"abc")
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    assert fingerprint(one) == fingerprint(two)
    assert fingerprint(one) != fingerprint(one + "?fps=5")
    (tmp_path / "two" / "1.jpg").write_bytes(b"")
    assert fingerprint(one) != fingerprint(two)


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match=r"missing\.avi: cannot be read: No such file"):
        fingerprint(str(tmp_path / "missing.avi"))


def test_streams_and_devices_have_none() -> None:
    assert fingerprint("rtsp://host/x") == fingerprint("usb:0") == ""
    assert len(fingerprint("synthetic:64x48@10")) == 64
