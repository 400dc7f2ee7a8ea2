from pathlib import Path

import pytest

from lab.evaluate.anomaly.labels import flags, read_labels
from pipeline.errors import UsageError

HEADER = "clip,first_anomalous_frame,last_anomalous_frame\n"


def labels(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(text)
    return path


def test_spans_count_from_one_and_hold_both_ends(tmp_path: Path) -> None:
    path = labels(tmp_path, HEADER + "01,2,3\n01,6,6\n02,,\n")
    found = flags(read_labels(path), {"01": 6, "02": 2, "03": 1}, path)
    assert found["01"].tolist() == [False, True, True, False, False, True]
    assert not found["02"].any()
    assert not found["03"].any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"labels.csv:1: expected the columns clip,first_anomalous_frame"),
        ("clip,start,end\n", r"labels.csv:1: expected the columns"),
        (HEADER + "01,5,4\n", r"labels.csv:2: frames count from 1"),
        (HEADER + "01,0,4\n", r"labels.csv:2: frames count from 1"),
        (HEADER + "01,²,4\n", r"labels.csv:2: frames count from 1 .* got ² to 4"),
        (HEADER + f"01,1,{'9' * 5000}\n", r"labels.csv:2: frames count from 1"),
        (HEADER + "01,4\n", r"labels.csv:2: expected clip"),
        (HEADER + "01,4,\n", r"labels.csv:2: expected clip"),
        (HEADER + "9,1,2\n", "clip '9' is not among the test clips: 01"),
        (HEADER + "01,1,7\n", "clip '01' has 6 frames, its label ends at 7"),
    ],
)
def test_what_is_no_label_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = labels(tmp_path, text)
    with pytest.raises(UsageError, match=message):
        flags(read_labels(path), {"01": 6}, path)


def test_labels_that_are_not_there_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_labels(tmp_path / "nowhere.csv")
