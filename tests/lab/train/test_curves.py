"""Curves of an interrupted run that goes on."""

from pathlib import Path

import pytest

from lab.train.curves import Curves
from pipeline.errors import CannotStart


def test_a_resumed_run_keeps_the_rows_before_it(tmp_path: Path) -> None:
    Curves(tmp_path, tensorboard=False).extend({number: {"loss/train": 1.0} for number in range(4)})
    assert [row["epoch"] for row in Curves(tmp_path, first_epoch=2, tensorboard=False).rows] == [0, 1]


@pytest.mark.parametrize("damaged", ["epoch,loss/train\n0,x\n", "epoch,loss\n0,1,2\n", "loss\n1\n"])
def test_damaged_curves_are_refused_in_one_line(damaged: str, tmp_path: Path) -> None:
    (tmp_path / "curves.csv").write_text(damaged)
    with pytest.raises(CannotStart, match=r"curves\.csv: damaged, .*start in another --out") as refused:
        Curves(tmp_path, first_epoch=1, tensorboard=False)
    assert "\n" not in str(refused.value)
