from pathlib import Path

import pytest

from lab.evaluate.events.scoring import Window, total
from lab.evaluate.events.staging import read_staging, stage
from pipeline.errors import UsageError

STAGING = """\
name: yard
width: 1000
height: 500
fps: 10
frames: 61
rules:
  - {rule: in_field, name: right half, zone: [[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]]}
  - {rule: line_crossed, name: middle, line: [[0.5, 0.0], [0.5, 1.0]], direction: left}
"""


@pytest.fixture
def yard(tmp_path: Path) -> tuple[Path, Path]:
    """One person, who walks from left to right at 100 px a second, feet first at 200 px: over 500 px after 3 s."""
    rules, truth = tmp_path / "yard.yml", tmp_path / "gt.txt"
    rules.write_text(STAGING)
    truth.write_text("".join(f"{n + 1},7,{175 + 10 * n},200,50,150,1\n" for n in range(61)))
    return rules, truth


def test_events_that_follow_from_the_truth_are_told_at_their_frame(yard: tuple[Path, Path]) -> None:
    found = stage(read_staging(yard[0]), yard[1], Window())
    inside, crossed = found["right half"].score, found["middle"].score
    assert (inside.events, inside.alarms, inside.right) == (1, 1, 1)
    assert abs(inside.errors_s[0]) <= 0.1 + 1e-6
    assert (crossed.events, crossed.alarms, crossed.right) == (1, 1, 1), "from top to bottom, left is the right half"


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("in_field", "behaviour", "rule 'behaviour': its truth is not known"),
        ("[0.5, 0.0], [1.0, 0.0]", "[0.5, 0.0], [500, 0.0]", r"rule 'right half': .*shares of the picture"),
        ("fps: 10", "fps: 0", r"yard.yml:4:"),
        ("frames: 61", "frames: 60", "has frame 61, but yard has 60 frames"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    yard: tuple[Path, Path], before: str, after: str, message: str
) -> None:
    yard[0].write_text(STAGING.replace(before, after, 1))
    with pytest.raises(UsageError, match=message) as told:
        stage(read_staging(yard[0]), yard[1], Window())
    assert "\n" not in str(told.value)


@pytest.mark.footage
@pytest.mark.parametrize(("name", "folder"), [("pets", "PETS09-S2L1"), ("tud", "TUD-Stadtmitte")])
def test_on_real_ways_of_walking_nearly_all_is_told(root: Path, footage: Path, name: str, folder: str) -> None:
    truth = footage / "videos" / "mot15" / folder / "gt" / "gt.txt"
    found = stage(read_staging(root / "benchmarks" / "staged" / f"{name}.yml"), truth, Window())
    assert total(pairing.score for pairing in found.values()).f1() >= 0.95
